"""Latencies that nobody measured, with an interval that holds the truth nine times in ten.

* `workload`: what a net does, operator kind by operator kind. `nets` knows it by the net's name.
* `query`: what is asked: a net, a device, a runtime on a processor; and what is answered.
* `words`: turns a row of a table with the sources' own words into a query.
* `model`: the fitted model. It answers queries, and a few measurements of a device sharpen it; plain Python.
* `predictor`: the same as the `registry.predictor.Predictor` that the choice asks.
* `fitting`, `validation`: fit the model to measurements and say what it is worth; they need the extra ``predict``.

Typical use::

    fitted = load()
    answer = fitted.predict(query)          # a Prediction, or an Unknown with the reason
    fitted = fitted.calibrated(measured)    # three to five Observations of one device are enough
"""
