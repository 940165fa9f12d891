"""ns-train: both stages, resuming after a kill, the geometry of another run, and what it says about mistakes."""

import json
import re

import pytest
import torch
import yaml

pytestmark = pytest.mark.slow

GEOMETRY = {"field", "proposal_networks"}


def assert_refused(result, *patterns):
    """Exit status 1, the one message with all patterns, and no traceback."""
    assert result.status == 1, result.printed
    assert "Traceback" not in result.printed
    assert len(re.findall(r"\berror: ", result.printed)) == 1, result.printed
    message = result.text[result.text.index("error: ") :]
    for pattern in patterns:
        assert re.search(pattern, message), message


def test_one_run_trains_both_stages(trained):
    run, result = trained
    assert result.status == 0, result.printed
    first, second = (result.text.index(f"stage {stage} (") for stage in (1, 2))
    assert first < second
    assert "steps 0 to 5" in result.text[first:second] and "steps 6 to 11, 6 labelled views" in result.text[second:]
    assert run.steps == [2, 4, 6, 8, 10, 11]
    # step 6 is the first of stage 2: what 4 -> 6 moves is the last step of stage 1 and the first of stage 2
    assert run.moved(2, 4) == GEOMETRY
    assert run.moved(4, 6) == GEOMETRY | {"semantic_network"}
    assert run.moved(6, 11) == {"semantic_network"}


def test_a_killed_run_goes_on_in_its_stage_and_ends_where_it_should(train):
    run, result = train("killed", kill_after=2)
    assert result.status == -9 and run.steps == [2]
    written = run.config.read_text()
    longer = train("killed", "--load-dir", run.checkpoints, "--pipeline.stage1-steps", "8")[1]
    assert_refused(longer, "step-000000002.ckpt: its run had --pipeline.stage1-steps 6 and this one has 8")
    assert run.config.read_text() == written and run.steps == [2]
    run, result = train("killed", "--load-dir", run.checkpoints, kill_after=8)
    assert result.status == -9 and run.steps == [2, 4, 6, 8], result.printed
    assert "steps 3 to 5" in result.text and "steps 6 to 11" in result.text
    run, result = train("killed", "--load-dir", run.checkpoints)
    assert result.status == 0, result.printed
    assert "stage 1 (" not in result.text and "steps 9 to 11" in result.text
    # nerfstudio itself would train all 12 steps once more
    assert run.steps == [2, 4, 6, 8, 10, 11]
    assert run.moved(2, 4) == GEOMETRY and run.moved(8, 11) == {"semantic_network"}
    finished = train("killed", "--load-dir", run.checkpoints)[1]
    assert_refused(finished, r"is finished \(12 of 12 steps\)", "--pipeline.stage2-steps")


def test_a_second_stage_of_its_own_starts_on_the_geometry_of_another_run(trained, train):
    other = trained[0]
    run, result = train("second", "--pipeline.geometry-config", other.config)
    assert result.status == 0, result.printed
    assert "stage 1 (" not in result.text and "steps 0 to 5" in result.text and "(6 steps)" in result.text
    assert run.steps == [2, 4, 5]
    theirs, ours = other.weights(11), run.weights(5)
    geometry = [name for name in theirs if name.split(".")[0] in GEOMETRY]
    assert len(geometry) > 8 and all(torch.equal(theirs[name], ours[name]) for name in geometry)
    assert run.moved(2, 5) == {"semantic_network"}


def test_geometry_that_cannot_be_used_is_refused_with_the_reason(trained, copy_of_trained, train, commands):
    from nerfstudio.configs.method_configs import all_methods

    def refusal(config, **more):
        return train("refused", "--pipeline.geometry-config", config, **more)[1]

    trained_config = trained[0].config
    nerfacto = commands.folder / "nerfacto" / "config.yml"
    nerfacto.parent.mkdir()
    nerfacto.write_text(yaml.dump(all_methods["nerfacto"]))
    assert_refused(refusal(nerfacto), re.escape(str(nerfacto)), "method 'nerfacto'", "expected a run of nerfseg")
    assert_refused(refusal("nowhere/config.yml"), "nowhere/config.yml: no such file")
    sizes = refusal(trained_config, model={"hidden-dim": "16", "num-levels": "3"})
    assert_refused(sizes, re.escape(str(trained_config)), r"is \(64, 4\) there and \(16, 6\) here", "model options")
    frame = refusal(trained_config, dataparser=("--scale-factor", "2.0"))
    assert_refused(frame, "another scene frame", "scale 0.2 there, 0.4 here")

    newest = copy_of_trained.checkpoints / "step-000000011.ckpt"
    whole = newest.read_bytes()
    newest.write_bytes(whole[: len(whole) // 2])
    assert_refused(refusal(copy_of_trained.config), re.escape(str(newest)), "not a whole checkpoint", "delete it")
    newest.write_bytes(whole)
    state = torch.load(newest, weights_only=True)
    weights = {name.replace("hash_table", "tcnn_encoding.params"): v for name, v in state["pipeline"].items()}
    assert weights.keys() != state["pipeline"].keys()
    torch.save({**state, "pipeline": weights}, newest)
    assert_refused(refusal(copy_of_trained.config), "implementation tcnn, but this is torch", "tiny-cuda-nn is needed")


def test_the_first_stage_alone_needs_no_labels(train, write_tiny_scene, commands):
    unlabelled = write_tiny_scene(commands.folder / "unlabelled", stage=1)
    run, result = train("no-labels", scene=unlabelled)
    assert_refused(result, re.escape(str(unlabelled)), "none of the 6 training views is labelled", "stage2-steps 0")
    run, result = train("first", "--pipeline.stage2-steps", "0", scene=unlabelled)
    assert result.status == 0, result.printed
    assert run.steps == [2, 4, 5] and "stage 2 (" not in result.text
    assert run.moved(2, 5) == GEOMETRY


def test_ray_convolution_and_colour_network_can_be_switched_off(train, trained):
    run, result = train("without", model={"use-ray-convolution": "False", "use-colour-network": "False"})
    assert result.status == 0, result.printed
    weights, whole = run.weights(11), trained[0].weights(11)

    def modules(names):
        return {name.split(".")[1] for name in names if name.startswith("semantic_network.")}

    assert modules(whole) - modules(weights) == {"colour_network", "c2s"}
    convolution, plain = (
        next(value for name, value in w.items() if "to_ray_feature" in name and value.ndim > 1)
        for w in (whole, weights)
    )
    assert convolution.shape == (*plain.shape, 5)  # five samples at once, and one


def test_help_names_the_methods_and_explains_the_options(commands):
    methods = commands("ns-train", "--help")
    assert methods.status == 0
    for method in ("nerfseg", "nerfseg-big", "nerfseg-lite"):
        assert re.search(rf"\b{method}\b(?!-)", methods.printed), method
    options = commands("ns-train", "nerfseg", "--help", columns=80)  # narrow: one column of options
    assert options.status == 0
    text = re.sub(r"[│\s]+", " ", options.printed)
    for words in (
        "Steps that learn geometry and colour.",
        "Steps that then learn semantics on the frozen geometry; 0: stop after stage 1.",
        "config.yml of a finished run whose geometry is used; the whole run is then stage 2.",
    ):
        assert words in text, words


def test_the_single_stage_method_trains_everything_in_every_step_and_is_scored(train, commands):
    steps = ("--pipeline.stage2-steps", "0")
    run, result = train("joint", *steps, method="semantic-nerf-lite")
    assert result.status == 0, result.printed
    assert "stage 1 (geometry, colour and classes together): steps 0 to 5" in result.text
    assert "stage 2 (" not in result.text
    assert run.steps == [2, 4, 5]
    assert run.moved(2, 4) == run.moved(4, 5) == GEOMETRY | {"semantic_network"}
    assert not any(name.split(".")[1] in ("colour_network", "c2s") for name in run.weights(5) if "semantic_" in name)
    scored = commands("nerfseg", "evaluate", "--load-config", run.config, "--output-path", "joint.json")
    assert scored.status == 0, scored.printed
    assert 0 < json.loads((commands.folder / "joint.json").read_text())["miou"] < 1
    refused = train("joint-2", "--pipeline.stage2-steps", "3", method="semantic-nerf-lite")[1]
    assert_refused(refused, "learns geometry and classes together", "stage2-steps at 0")
