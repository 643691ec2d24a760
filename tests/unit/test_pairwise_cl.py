"""The pairwise loss and the encoders: gradients, bad input, and what padding must not change."""

import pytest
import torch

from serlib.errors import ParameterError
from serlib.papers.pairwise_cl import PairwiseCL, pairwise_nt_xent
from serlib.papers.pairwise_cl_encoders import (
    FramesEncoder,
    FunctionalsEncoder,
    SpectrogramEncoder,
    make_encoder,
)


def projections(views=3, batch=5, dims=4, dtype=torch.float64):
    torch.manual_seed(views)
    return [torch.randn(batch, dims, dtype=dtype) for _ in range(views)]


@pytest.mark.parametrize("same_view", [False, True])
@pytest.mark.parametrize("views", [2, 3, 4])
def test_the_gradient_is_that_of_the_loss(views, same_view):
    z = [p.requires_grad_() for p in projections(views)]
    assert torch.autograd.gradcheck(lambda *z: pairwise_nt_xent(z, 0.5, same_view), z)


def test_it_does_not_care_for_scale_order_of_views_or_order_of_utterances():
    z = projections()
    loss = pairwise_nt_xent(z)
    order = torch.randperm(5)
    for other in ([3 * p for p in z], z[::-1], [p[order] for p in z]):
        torch.testing.assert_close(pairwise_nt_xent(other), loss)
    assert not torch.isclose(pairwise_nt_xent([z[0][[1, 0, 2, 3, 4]], *z[1:]]), loss)


def test_views_that_agree_have_less_loss_and_a_cold_softmax_less_still():
    z = projections(2, batch=50, dims=32)
    unrelated, same = pairwise_nt_xent(z), pairwise_nt_xent([z[0], z[0]])
    assert same < unrelated and pairwise_nt_xent([z[0], z[0]], 0.05) < 0.01


def test_autocast_does_not_round_the_loss():
    z = projections(3, 64, 32, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        under = pairwise_nt_xent(z, 0.05)
    exact = pairwise_nt_xent([p.double() for p in z], 0.05)
    assert under.dtype == torch.float32 and under.item() == pytest.approx(exact.item(), rel=1e-5)
    assert pairwise_nt_xent([p.bfloat16() for p in z]).dtype == torch.float32


@pytest.mark.parametrize(
    ("shapes", "tau", "words"),
    [
        ([(4, 3)], 0.5, "1 view: .* two or more"),
        ([], 0.5, "0 view"),
        ([(1, 3), (1, 3)], 0.5, "batch of one .* no negatives"),
        ([(4, 3), (5, 3)], 0.5, "same .batch, dims."),
        ([(4, 3), (4, 2)], 0.5, "same .batch, dims."),
        ([(4, 3), (4, 3)], 0.0, "temperature 0.0: must be above 0"),
        ([(4, 3), (4, 3)], -1, "above 0"),
        ([(4, 3), (4, 3)], float("nan"), "above 0"),
    ],
)
def test_bad_input_is_one_clear_line(shapes, tau, words):
    with pytest.raises(ParameterError, match=words) as error:
        pairwise_nt_xent([torch.ones(shape) for shape in shapes], tau)
    assert "\n" not in str(error.value)


def test_a_module_refuses_one_view_and_a_bad_temperature_before_it_trains():
    with pytest.raises(ParameterError, match="two or more"):
        PairwiseCL({"functionals": FunctionalsEncoder(4)})
    two = {"functionals": FunctionalsEncoder(4), "mel": SpectrogramEncoder(16)}
    with pytest.raises(ParameterError, match="above 0"):
        PairwiseCL(two, temperature=0)
    with pytest.raises(ParameterError, match="no view ssl"):
        PairwiseCL(two, rates={"ssl": 1e-4})
    groups = PairwiseCL(two, rates={"mel": 1e-4}).configure_optimizers().param_groups
    assert [group["lr"] for group in groups] == [1e-3, 1e-4]


ENCODERS = {
    "frames": (lambda: FramesEncoder(1, 6, dropout=0.0), (6,)),
    "layers": (lambda: FramesEncoder(3, 6, dropout=0.0), (3, 6)),
    "mel": (lambda: SpectrogramEncoder(16), (16,)),
}


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("lengths", [(37, 16, 1), (9, 10, 11)])
@pytest.mark.parametrize("kind", ENCODERS)
def test_padding_changes_nothing(kind, lengths, mode):
    """In use: as each clip alone. In training: whatever stands behind the end, and however much."""
    make, shape = ENCODERS[kind]
    torch.manual_seed(0)
    encoder = make()
    clips = [torch.randn(length, *shape) for length in lengths]
    lengths = torch.tensor(lengths)
    frames = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
    longer = torch.full((3, 21, *shape), 99.0)
    garbage = torch.cat([frames, longer], 1)
    for row, length in enumerate(lengths):
        garbage[row, length:] = 99.0
    encoder(frames, lengths)  # running statistics that are not those of the start
    encoder.train(mode == "train")
    tidy, dirty = encoder(frames, lengths), encoder(garbage, lengths)
    assert tidy.shape == (3, 128) and tidy.std() > 0
    torch.testing.assert_close(tidy, dirty, atol=1e-5, rtol=1e-4)
    if mode == "eval":
        alone = [encoder(c[None], n[None]) for c, n in zip(clips, lengths, strict=True)]
        torch.testing.assert_close(tidy, torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_batch_statistics_are_of_frames_alone():
    """The running mean is that of a batch without padding that holds the same frames."""
    torch.manual_seed(0)
    clips = torch.randn(2, 8, 16)
    padded = torch.cat([clips, torch.full((2, 30, 16), 5.0)], 1)
    means = []
    for frames in (clips, padded):
        torch.manual_seed(1)
        encoder = SpectrogramEncoder(16)
        encoder(frames, torch.tensor([8, 8]))
        means.append(torch.cat([norm.running_mean for norm in encoder.norms]))
    torch.testing.assert_close(*means)


def test_gradients_reach_every_weight_and_are_those_of_clips_without_padding():
    torch.manual_seed(0)
    for make, shape in ENCODERS.values():
        encoder, found = make(), []
        frames = torch.randn(4, 32, *shape)
        for given in (frames, torch.cat([frames, torch.ones(4, 9, *shape)], 1)):
            encoder.zero_grad()
            encoder(given, torch.full((4,), 32)).square().sum().backward()
            found.append([p.grad.clone() for p in encoder.parameters() if p.grad is not None])
        for one, other in zip(*found, strict=True):
            torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
        # A single layer has no weight to learn.
        assert len(found[0]) == len([*encoder.parameters()]) - (shape == (6,))
        assert all(g.abs().sum() > 0 for g in found[0])


def test_an_encoder_is_chosen_by_view_and_shape():
    example = torch.zeros(30, 13, 8).numpy()
    assert len(make_encoder("ssl", example).layer_weights) == 13
    assert len(make_encoder("ssl", example[:, 0]).layer_weights) == 1
    assert make_encoder("mel", example[:, :, 0])(torch.zeros(2, 9, 13), torch.tensor([9, 9])).shape
    assert make_encoder("functionals", example[0, 0])[0].in_features == 8
    for view, array in [("mel", example), ("functionals", example), ("text", example)]:
        with pytest.raises(ParameterError, match=f"view '{view}'"):
            make_encoder(view, array)


def test_functionals_may_come_as_sequences_of_one():
    encoder, vectors = FunctionalsEncoder(6).eval(), torch.randn(3, 6)
    one = torch.ones(3, dtype=torch.long)
    assert torch.equal(encoder(vectors), encoder(vectors[:, None], one))
