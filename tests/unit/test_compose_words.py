"""Words that Hydra's grammar reads in its own way, and sweeps into one folder."""

import shlex
from pathlib import Path

import pytest

from synth.__main__ import main
from synth.compose import compose_config, compose_sweep

HINT = "quote it for Hydra and for the shell: "


@pytest.mark.parametrize("value", ["~/faces", "a#b", "O'Brien", "a#'b", "a\\'b#", "a#\\", 'a"#b', "`a`#"])
def test_the_way_to_quote_a_value_works_when_it_is_followed(value):
    with pytest.raises(ValueError, match=HINT) as caught:
        compose_config([f"output.dir={value}"])
    (word,) = shlex.split(str(caught.value).partition(HINT)[2])
    assert compose_config([word]).output.dir == str(Path(value).expanduser())


def test_a_word_without_a_value_gets_no_such_hint():
    with pytest.raises(ValueError, match=r"'foo' must be KEY=VALUE in Hydra's grammar$"):
        compose_config(["foo"])


@pytest.mark.parametrize("name", ["O'Brien", "a b", "a,b", "a=b", "ü#", "a\\'b"])
def test_a_config_dir_may_have_any_name(tmp_path, name):
    (tmp_path / name / "experiment").mkdir(parents=True)
    (tmp_path / name / "experiment/mine.yaml").write_text("# @package _global_\nnum_records: 3\n")
    assert compose_config(["+experiment=mine"], tmp_path / name).num_records == 3


def test_versions_of_a_dataset_are_places_of_their_own():
    configs = compose_sweep(["output.version=1,2"])
    assert [config.output.version for config in configs] == [1, 2]


@pytest.mark.parametrize(("dirs", "double"), [("a,b,b", "b"), ("b,a,./a", "a"), ("s3://x/a,s3://x/a/", "s3://x/a")])
def test_a_sweep_names_the_folder_that_two_jobs_share(dirs, double):
    with pytest.raises(ValueError, match=f"from job to job of a --multirun, got '{double}' more than once"):
        compose_sweep([f"output.dir={dirs}"])


def test_a_model_that_is_missing_is_found_before_the_first_job_starts(monkeypatch, tmp_path, capsys):
    started = []
    monkeypatch.setattr("synth.farm.driver.render_dataset", lambda *args: started.append(args) or 0)
    models = f"model=makehuman,{tmp_path}/missing.h5"
    assert main(["run", "-m", "scene=head", models, "output.dir=x-${model}"]) == 2
    assert "missing.h5" in capsys.readouterr().err
    assert not started
