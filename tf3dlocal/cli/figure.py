"""`tf3dlocal figure`: the figures of the paper's supplement, from runs of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from tf3dlocal.cli.app import Json, app, keep_apart, parse_integers, spare_own_files, spare_run, two_files
from tf3dlocal.cli.console import say, start_tensorflow, write_numbers
from tf3dlocal.io import MOST_SEED

# The options of each figure, by their names in Python; those of all figures are not listed.
OPTIONS = {
    1: {"views", "subjects", "conditions", "block"},
    2: {"compare_with", "views", "subjects", "conditions", "num_subjects", "seed", "json"},
    3: {"views", "subjects", "conditions", "block", "steps"},
}


@app.command()
def figure(
    number: Annotated[int, typer.Argument(metavar="1|2|3", min=1, max=3, help="Number in the supplement.")],
    run: Annotated[Path, typer.Option(metavar="RUN", help="Run folder or .keras file; of 3 a run folder.")],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Prepared data set. Default: that of the run's config.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=".png, .pdf or .svg; of 1 also .gif. Default: figure_N.png.", callback=spare_own_files
        ),
    ] = None,
    compare_with: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Of 2: the other run, such as a GaitPart.")
    ] = None,
    views: Annotated[
        str | None, typer.Option(metavar="0,90,..", help="In degrees. Default: of 1 18 to 72, of 2 all, of 3 about 90.")
    ] = None,
    subjects: Annotated[
        list[str] | None,
        typer.Option("--subject", metavar="NAME", help="Of 2, repeat it for more. Default: test subjects."),
    ] = None,
    conditions: Annotated[
        list[str] | None,
        typer.Option("--condition", metavar="NAME", help="Such as nm-01; of 2 repeat it for more. Default: of 2 all."),
    ] = None,
    block: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of 1 and 3: such as block_3. Default: the last one."),
    ] = None,
    steps: Annotated[
        str | None, typer.Option(metavar="10,200,..", help="Of 3: snapshots to draw. Default: all, at most six.")
    ] = None,
    num_subjects: Annotated[
        int | None, typer.Option(min=2, help="Of 2: number of test subjects that are drawn. Default: 10.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=MOST_SEED, help="Of 2: random seed of t-SNE and of the intervals.")
    ] = None,
    json: Json = None,
) -> None:
    """Draw a figure of the supplement from your own runs.

    1: the located volumes on frames, one colour per part, with a strip of frames for each part that shows where its
    volume begins and ends in time. With --out FILE.gif an animation of the walk with its parts.

    2: t-SNE of two models side by side on the same walks, colour and marker by subject; below each a silhouette score
    and the share of walks whose nearest neighbour from another view is of the same subject, both with 95 % bootstrap
    intervals over the subjects. --json FILE writes the numbers.

    3: what each part looks at, at several moments of the training, from the snapshots that it keeps
    (training.snapshots, 4 by default).

    \b
    Examples:
      tf3dlocal figure 1 --run runs/st --data casia --out figure_1.pdf
      tf3dlocal figure 1 --run runs/st --data casia --views 90 --out walk.gif
      tf3dlocal figure 2 --run runs/st --compare-with runs/gaitpart --data casia --condition nm
      tf3dlocal figure 3 --run runs/st --data casia --views 54
    """
    given = {"compare_with": compare_with, "views": views, "subjects": subjects, "conditions": conditions}
    given |= {"block": block, "steps": steps, "num_subjects": num_subjects, "seed": seed, "json": json}
    given = {name: value for name, value in given.items() if value is not None}
    out = Path(f"figure_{number}.png") if out is None else out
    arguments = {"data": data, "out": out, **_checked(number, given, out=out)}
    for option, path in {"--out": out, "--json": json}.items():
        keep_apart(path, option=option, the_data_set=data)
        for each in (run, compare_with):
            if each is not None:
                spare_run(path, option=option, run=each)
                keep_apart(path, option=option, the_model=each if each.is_file() else None)
    two_files(out, json=json)
    if compare_with is not None and compare_with.resolve() == run.resolve():
        raise typer.BadParameter(
            f"{str(compare_with)!r} is the run itself; give another one", param_hint="'--compare-with'"
        )
    start_tensorflow()
    from tf3dlocal import supplement
    from tf3dlocal.training import config_of_run

    if data is None and (config := config_of_run(run)):
        for option, path in {"--out": out, "--json": json}.items():
            keep_apart(path, option=option, the_data_set_of_the_run=config["data"]["folder"])
    if number == 2:
        found = supplement.figure_2(run, **arguments)
        sentence = found.pop("sentence")
        write_numbers(json, values=found)
    else:
        sentence = {1: supplement.figure_1, 3: supplement.figure_3}[number](run, **arguments)
    say(sentence)


def _checked(number, given, *, out):
    """Check the options of a figure, and return them as arguments of the library."""
    names = {"subjects": "--subject", "conditions": "--condition"}
    for name in given:
        if name not in OPTIONS[number]:
            others = " and ".join(str(each) for each in OPTIONS if name in OPTIONS[each])
            raise typer.BadParameter(
                f"figure {number} has no such option; it belongs to figure {others}",
                param_hint=names.get(name, f"--{name.replace('_', '-')}"),
            )
    suffixes = (".png", ".pdf", ".svg", *((".gif",) if number == 1 else ()))
    if out.suffix.lower() not in suffixes:
        raise typer.BadParameter(f"{str(out)!r}: use one of the suffixes {', '.join(suffixes)}", param_hint="--out")
    arguments = {name: value for name, value in given.items() if name != "json"}
    for name, example in (("views", "0,90"), ("steps", "10,200")):
        if name in arguments:
            arguments[name] = parse_integers(arguments[name], option=f"--{name}", example=example)
    if number == 2:
        if "compare_with" not in given:
            raise typer.BadParameter("figure 2 compares two runs; give the other one", param_hint="--compare-with")
        if "subjects" in given and "num_subjects" in given:
            raise typer.BadParameter(
                "give the subjects with --subject or their number, not both", param_hint="--num-subjects"
            )
        return arguments
    for name in ("subjects", "conditions"):  # one walk per view
        if len(arguments.get(name, ())) > 1:
            raise typer.BadParameter(f"figure {number} shows one; give it once", param_hint=names[name])
        if name in arguments:
            arguments[name.removesuffix("s")] = arguments.pop(name)[0]
    if number == 3 and "views" in arguments:
        if len(arguments["views"]) > 1:
            raise typer.BadParameter("figure 3 shows one view", param_hint="--views")
        arguments["view"] = arguments.pop("views")[0]
    return arguments
