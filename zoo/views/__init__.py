"""What actions return, as people and programs read it.

* `zoo.views.documents`: JSON documents, the contract that scripts depend on.
* `zoo.views.printer`, `picks`, `lists`, `comparisons`: tables for a terminal; plain columns where the output is piped.
"""
