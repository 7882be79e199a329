"""The command that says what predictions are worth: backtest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from device_profiles.profile import DeviceProfile, Processor
from zoo import actions
from zoo.backtesting import Case, is_phone
from zoo.backtesting_rows import backtest
from zoo.cli import options
from zoo.cli.options import Device, Json, Registry
from zoo.cli.read import NOTHING_FITS, print_json
from zoo.errors import UsageError, needing
from zoo.views.printer import Printer, progress_bar
from zoo.writing import write_whole

if TYPE_CHECKING:
    from zoo.backtesting import Backtest
    from zoo.backtesting_picks import Picks

_PAGE = "backtest.md"
_STEPS = 5  # four domains, and the picks


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("backtest")(backtests)


def backtests(
    device: Device = None,
    processors: Annotated[
        list[str] | None,
        typer.Option("--processor", help="Only this processor: cpu, gpu, dsp, npu, nnapi; may repeat."),
    ] = None,
    cases: Annotated[
        list[str] | None,
        typer.Option("--case", help=f"Only what is left out like this: {', '.join(Case)}; may repeat."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the whole report: backtest.md there, its pictures in DIR/pictures (needs the extra 'plot').",
        ),
    ] = None,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Show what predicted latencies are worth, by rows left out and picks made (needs the extra 'predict')."""
    asked = options.words(processors, Processor, "processor")
    told = options.words(cases, Case, "case")
    if out is not None:
        _check(out, {"--device": device, "--processor": asked, "--case": told, "--json": as_json})
    from zoo.backtesting_picks import PICKED, groups, picks
    from zoo.views import backtests as views

    with actions.open_registry(registry) as opened, progress_bar(_STEPS) as watch:
        only = actions.find_device(opened, device).profile if device else None
        found = backtest(opened, told, asked, watch)
        watch("picking")
        every = groups(opened, found.held)

        def wanted(profile: DeviceProfile) -> bool:
            return profile.id == only.id if only else is_phone(profile)

        picked = [picks(every, case, wanted) for case in PICKED if case in found.cases]
        if out is not None:
            _write(out, found, picked, picks(every, PICKED[0], lambda _: True))
    if out is not None:
        typer.echo(f"wrote {out / _PAGE} and its pictures")
        return
    devices = only.name if only else "phones and tablets"
    if not any(wanted(each.profile) for each in found.held):
        typer.echo(f"zoo: the model was fitted to no such row of {devices}", err=True)
        raise typer.Exit(NOTHING_FITS)
    if as_json:
        print_json(views.backtest_document(found, picked, wanted))
    else:
        views.backtest(Printer(), found, picked, wanted, devices)


def _check(out: Path, others: Mapping[str, object]) -> None:
    """Refuse what cannot be done before any work is."""
    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(f"--out writes the whole report; leave out {', '.join(given)}")
    if not out.is_dir():
        raise UsageError(f"--out is '{out}', but the folder of the report is wanted: make it first")
    with needing("plot", "drawing"):
        import matplotlib as mpl  # noqa: F401 - only whether it is there


def _write(out: Path, found: "Backtest", phones: "Sequence[Picks]", everything: "Picks") -> None:
    from zoo import plots
    from zoo.plot_backtest import pictures
    from zoo.views.backtest_page import page

    text = page(found, phones, everything)
    folder = out / "pictures"
    folder.mkdir(exist_ok=True)
    for name, data in pictures(found, phones[0], everything).items():
        plots.save(data, folder / f"backtest-{name}.png")
    write_whole(out / _PAGE, text.encode())
