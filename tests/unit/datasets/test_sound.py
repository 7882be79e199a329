"""Features of sound are what their description says, number by number."""

import math

import numpy as np
import pytest

from datasets.sound import centred, extract, read_features

GIVEN = {
    "kind": "mfcc", "sample_rate_hz": 8000, "clip_ms": 1000, "window_ms": 30, "hop_ms": 20, "fft_samples": 256,
    "mel_bins": 40, "low_hz": 20, "high_hz": 4000, "coefficients": 10, "log_floor": 1e-6,
}  # fmt: skip


def features(**changed):
    found, problems = read_features({**GIVEN, **changed})
    assert problems == []
    return found


def slow_mfcc(clip, frame, coefficient):
    """One coefficient of one frame, summed term by term out of the definitions."""
    window = [0.5 - 0.5 * math.cos(2 * math.pi * n / 240) for n in range(240)]
    piece = [float(clip[160 * frame + n]) / 32768 * window[n] for n in range(240)]
    power = [
        abs(
            sum(
                piece[n] * complex(math.cos(a := -2 * math.pi * k * n / 256), math.sin(a)) for n in range(240)
            )
        )
        ** 2
        for k in range(129)
    ]

    def mel(hz):
        return 2595 * math.log10(1 + hz / 700)

    step = (mel(4000) - mel(20)) / 41
    corners = [700 * (10 ** ((mel(20) + step * place) / 2595) - 1) for place in range(42)]
    total = 0.0
    for band in range(40):
        left, middle, right = corners[band : band + 3]
        energy = sum(
            power[k]
            * max(0, min((31.25 * k - left) / (middle - left), (right - 31.25 * k) / (right - middle)))
            for k in range(129)
        )
        total += math.log(max(energy, 1e-6)) * math.cos(math.pi / 40 * (band + 0.5) * coefficient)
    return total * math.sqrt((1 if coefficient == 0 else 2) / 40)


def test_coefficients_equal_their_definition_term_by_term():
    clip = np.random.default_rng(0).integers(-20000, 20000, 8000).astype(np.int16)
    made = extract([clip], features(), 1 / 32768)
    assert (made.shape, made.dtype) == ((1, 49, 10), np.float32)
    for frame, coefficient in ((0, 0), (0, 3), (20, 1), (48, 9)):
        assert made[0, frame, coefficient] == pytest.approx(slow_mfcc(clip, frame, coefficient), abs=2e-3)


@pytest.mark.parametrize("kind", ["mfcc", "log_mel"])
def test_a_clip_s_mean_is_subtracted_so_that_its_loudness_does_not_show(kind):
    given = {key: each for key, each in GIVEN.items() if kind == "mfcc" or key != "coefficients"}
    plain, problems = read_features({**given, "kind": kind})
    bare, more = read_features({**given, "kind": kind, "clip_mean": "subtracted"})
    assert problems == more == []
    clip = np.random.default_rng(0).integers(-8000, 8000, 8000).astype(np.int16)
    loud, quiet = (extract([clip * factor], bare, 1 / 32768) for factor in (2, 1))
    kept = extract([clip], plain, 1 / 32768)
    assert np.allclose(loud.mean(axis=1), 0, atol=1e-4)
    assert np.allclose(loud, quiet, atol=1e-3)
    assert np.allclose(quiet, kept - kept.mean(axis=1, keepdims=True), atol=1e-4)


def test_another_word_for_the_mean_is_refused():
    _, problems = read_features({**GIVEN, "clip_mean": "lost"})
    assert problems == ["features.clip_mean is 'lost', but kept or subtracted is wanted"]


def test_the_transform_is_the_orthonormal_dct():
    dct = pytest.importorskip("scipy.fft").dct
    clip = np.random.default_rng(1).integers(-20000, 20000, 8000).astype(np.int16)
    given = {name: value for name, value in GIVEN.items() if name != "coefficients"}
    logs = extract([clip], read_features({**given, "kind": "log_mel"})[0], 1 / 32768)
    whole = extract([clip], features(coefficients=40), 1 / 32768)
    assert np.allclose(whole, dct(logs, type=2, norm="ortho", axis=-1), atol=1e-3)


def test_a_tone_is_loudest_in_the_band_around_it():
    tone = (20000 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)).astype(np.int16)
    given = {name: value for name, value in GIVEN.items() if name != "coefficients"}
    logs = extract([tone], read_features({**given, "kind": "log_mel"})[0], 1 / 32768)[0]
    mels = np.linspace(2595 * math.log10(1 + 20 / 700), 2595 * math.log10(1 + 4000 / 700), 42)[1:-1]
    centres = 700 * (10 ** (mels / 2595) - 1)
    assert set(logs.argmax(axis=1)) == {int(np.abs(centres - 1000).argmin())}


@pytest.mark.parametrize(
    ("length", "wanted"),
    [(4, [1, 2, 3, 4]), (2, [0, 1, 2, 0]), (1, [0, 1, 0, 0]), (7, [2, 3, 4, 5]), (0, [0, 0, 0, 0])],
)
def test_a_clip_is_centred(length, wanted):
    assert centred([np.arange(1, length + 1, dtype=np.int16)], 4).tolist() == [wanted]


def test_many_clips_are_computed_as_each_alone():
    random = np.random.default_rng(3)
    clips = [random.integers(-9000, 9000, length).astype(np.int16) for length in range(3000, 3300)]
    together = extract(clips, features(), 1 / 32768)
    assert np.array_equal(
        together[::50], np.concatenate([extract([clip], features(), 1 / 32768) for clip in clips[::50]])
    )


def test_a_waveform_is_its_samples():
    found, _ = read_features({"kind": "waveform", "sample_rate_hz": 8000, "clip_ms": 1})
    assert extract([np.array([-32768, 16384], np.int16)], found, 1 / 32768).tolist() == [
        [[0], [0], [0], [-1], [0.5], [0], [0], [0]]
    ]


NONSENSE = {
    "no kind": ({"kind": "spectrum"}, ["features.kind is 'spectrum', but mfcc, log_mel, waveform is wanted"]),
    "many at once": (
        {"mel_bins": 0, "colour": 1, "hop_ms": "20"},
        ["features.colour is unknown to mfcc", "features.hop_ms is '20', but a number above zero is wanted",
         "features.mel_bins is 0, but a number above zero is wanted"],
    ),
    "half a bin": ({"mel_bins": 40.5}, ["features.mel_bins is 40.5, but a whole number is wanted"]),
    "more coefficients than bins": ({"coefficients": 41}, ["features.coefficients is 41, but there are 40 mel_bins"]),
    "a band that cannot be": ({"high_hz": 4001},
                              ["features go from 20 to 4001 Hz, but a band of at most 4000 Hz is wanted"]),
    "a short transform": ({"fft_samples": 128}, ["features.fft_samples is 128, but a window has 240 samples"]),
    "a long window": ({"window_ms": 1001, "fft_samples": 9000},
                      ["features.window_ms is 1001, but a clip has 1000 ms"]),
    "no hop": ({"hop_ms": 0.01}, ["features.hop_ms is 0.01, less than one sample"]),
}  # fmt: skip


@pytest.mark.parametrize("story", NONSENSE)
def test_nonsense_is_listed_all_at_once(story):
    changed, said = NONSENSE[story]
    found, problems = read_features({**GIVEN, **changed})
    assert found is None
    assert problems == said


def test_what_is_missing_is_named():
    assert read_features({"kind": "waveform", "clip_ms": 5}) == (None, ["features.sample_rate_hz is missing"])


def test_with_a_floor_below_the_loudest_frame_loudness_does_not_matter_and_silence_is_flat():
    random = np.random.default_rng(3)
    clip = np.concatenate([np.zeros(3000), random.normal(0, 500, 2000), np.zeros(3000)]).astype(np.int16)
    given = {key: each for key, each in GIVEN.items() if key != "coefficients"}
    features, _ = read_features({**given, "kind": "log_mel", "log_floor": 1e-12, "floor_db": 30})
    loud, quiet = extract([clip * 8, clip], features, 1 / 32768)
    assert np.allclose(loud - loud.max(), quiet - quiet.max(), atol=1e-3)
    loudest = np.exp(loud).mean(axis=1).max()
    assert np.allclose(loud[0], np.log(loudest * 1e-3), atol=0.05)  # 30 dB below it
