"""Variations are seeded, and each does what its name says."""

import numpy as np
import pytest

from datasets.augmenting import (
    PICTURE_CHANCES,
    PictureChanges,
    SoundChanges,
    add_noise,
    change_pitch,
    change_speed,
    stretch,
    vary_clips,
    vary_pictures,
)
from datasets.sound import centred

RATE_HZ = 8000
EVERYTHING = SoundChanges(
    speed=(0.85, 1.15), tempo=(0.9, 1.1), pitch_semitones=2, noise_snr_db=(10, 30), noise_share=0.5, noise_tilt=1,
    shift_ms=100, tone_db=6, gain_db=6,
)  # fmt: skip


def tone(hz, length=4001):
    return 9000 * np.sin(2 * np.pi * hz * np.arange(length) / RATE_HZ)


def peak_hz(clip):
    middle = clip[len(clip) // 4 : -len(clip) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 15))
    return float(spectrum.argmax()) * RATE_HZ / (1 << 15)


def test_the_same_seed_gives_the_same_clips():
    clips = [
        tone(440).astype(np.int16),
        tone(300, 2000).astype(np.int16),
        np.zeros(0, np.int16),
        np.zeros(5, np.int16),
    ]
    first, again, other = (
        vary_clips(clips, RATE_HZ, EVERYTHING, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first[0], other[0])
    assert {each.dtype for each in first} == {np.dtype(np.int16)}


def test_without_changes_clips_stay_as_they_are():
    clip = tone(440).astype(np.int16)
    assert np.array_equal(vary_clips([clip], RATE_HZ, SoundChanges(), np.random.default_rng(0))[0], clip)


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.15])
def test_speed_moves_length_and_pitch(factor):
    made = change_speed(tone(500), factor)
    assert len(made) == pytest.approx(4001 / factor, abs=1)
    assert peak_hz(made) == pytest.approx(500 * factor, rel=0.005)
    assert np.std(made[1000:2000]) == pytest.approx(9000 / np.sqrt(2), rel=0.05)


def test_speeding_up_does_not_alias():
    assert (
        np.abs(change_speed(tone(3900), 1.15)[500:-500]).max() < 200
    )  # 4485 Hz is above what the rate can say


@pytest.mark.parametrize("semitones", [-3, 2])
def test_pitch_moves_and_length_stays(semitones):
    made = change_pitch(tone(500), semitones)
    assert len(made) == 4001
    assert peak_hz(made) == pytest.approx(500 * 2 ** (semitones / 12), rel=0.01)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_stretching_moves_length_and_keeps_pitch_and_loudness(factor):
    made = stretch(tone(500), factor)
    assert len(made) == pytest.approx(4001 * factor, abs=100)
    assert peak_hz(made) == pytest.approx(500, rel=0.01)
    assert np.std(made[1000:2000]) == pytest.approx(9000 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize(("snr_db", "tilt"), [(0, 0), (20, 0), (10, 1)])
def test_noise_has_the_ratio_that_was_asked_for(snr_db, tilt):
    clip = tone(500)
    noise = add_noise(clip, snr_db, np.random.default_rng(0), tilt) - clip
    assert 10 * np.log10(np.mean(clip**2) / np.mean(noise**2)) == pytest.approx(snr_db, abs=1e-6)
    low, high = (np.abs(np.fft.rfft(noise))[part] ** 2 for part in (slice(10, 500), slice(1500, 1990)))
    assert (low.mean() / high.mean() > 3) == bool(tilt)


def test_silence_stays_silent():
    assert not add_noise(np.zeros(100), 10, np.random.default_rng(0)).any()


def test_a_shift_moves_the_clip_in_its_window():
    clip, places = np.full(100, 1000, np.int16), set()
    for seed in range(40):
        moved = vary_clips([clip], RATE_HZ, SoundChanges(shift_ms=10), np.random.default_rng(seed))
        places.add(int(np.flatnonzero(centred(moved, 400))[0]))
    assert min(places) >= 150 - 80
    assert max(places) <= 150 + 80
    assert max(places) - min(places) > 80


def test_loudness_changes_within_its_range():
    clip = tone(500).astype(np.int16)
    gains = [
        np.abs(vary_clips([clip], RATE_HZ, SoundChanges(gain_db=6), np.random.default_rng(seed))[0]).max()
        / 9000
        for seed in range(30)
    ]
    assert 0.5 < min(gains) < 0.8
    assert 1.25 < max(gains) < 2.0


def test_tempo_changes_the_length_and_not_the_pitch():
    clip = tone(500, 8000).astype(np.int16)
    (made,) = vary_clips([clip], RATE_HZ, SoundChanges(tempo=(1.25, 1.25)), np.random.default_rng(0))
    assert len(made) == pytest.approx(8000 / 1.25, rel=0.01)
    assert peak_hz(made) == pytest.approx(500, rel=0.02)


def test_noise_fills_the_window_around_a_clip():
    changes = SoundChanges(noise_share=1.0, window_ms=1000.0)
    (made,) = vary_clips([tone(500, 2000).astype(np.int16)], RATE_HZ, changes, np.random.default_rng(0))
    assert len(made) == RATE_HZ
    assert made[:1000].any()
    assert made[-1000:].any()
    (longer,) = vary_clips([tone(500, 9000).astype(np.int16)], RATE_HZ, changes, np.random.default_rng(0))
    assert len(longer) == RATE_HZ


def test_tone_boosts_or_cuts_by_at_most_its_range():
    random = np.random.default_rng(0)
    clip = random.integers(-3000, 3000, 4096).astype(np.int16)
    (made,) = vary_clips([clip], RATE_HZ, SoundChanges(tone_db=6.0), np.random.default_rng(1))
    before, after = (np.abs(np.fft.rfft(each.astype(float))) for each in (clip, made))
    change = 20 * np.log10(after[before > 1000] / before[before > 1000])
    assert np.abs(change).max() < 6.1
    assert change.max() - change.min() > 1


@pytest.mark.parametrize(
    "changed",
    [
        {"speed": (0, 1)},
        {"tempo": (0, 1)},
        {"tempo": (1.2, 1)},
        {"tone_db": -1},
        {"speed": (1.2, 1)},
        {"noise_snr_db": (9, 1)},
        {"gain_db": -1},
        {"noise_share": 2},
    ],
)
def test_ranges_that_make_no_sense_are_refused(changed):
    with pytest.raises(ValueError, match=r"ranges|amounts"):
        SoundChanges(**changed)
    with pytest.raises(ValueError, match="shares from 0 to 1"):
        PictureChanges(shift=1.5)


BATCH = np.random.default_rng(5).integers(0, 256, (64, 8, 10, 3)).astype(np.uint8)


def chances(seed=0, count=64):
    return np.random.default_rng(seed).random((count, PICTURE_CHANCES))


def test_the_same_seed_gives_the_same_pictures():
    changes = PictureChanges(mirror=True, shift=0.2, brightness=0.2, contrast=0.3)
    first, again, other = (vary_pictures(BATCH, changes, chances(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (first.shape, first.dtype) == (BATCH.shape, np.uint8)


def test_without_changes_pictures_stay_as_they_are():
    assert np.array_equal(vary_pictures(BATCH, PictureChanges(), chances()), BATCH)


def test_about_half_are_mirrored_and_none_is_anything_else():
    made = vary_pictures(BATCH, PictureChanges(mirror=True), chances())
    mirrored = [np.array_equal(each, before[:, ::-1]) for each, before in zip(made, BATCH, strict=True)]
    kept = [np.array_equal(each, before) for each, before in zip(made, BATCH, strict=True)]
    assert all(one != other for one, other in zip(mirrored, kept, strict=True))
    assert 16 < sum(mirrored) < 48


def test_a_shift_repeats_the_edge():
    made = vary_pictures(BATCH, PictureChanges(shift=0.25), chances())
    for each, before in zip(made, BATCH, strict=True):
        fits = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-3, 4)
            if np.array_equal(
                each, before[np.clip(np.arange(8) - down, 0, 7)][:, np.clip(np.arange(10) - right, 0, 9)]
            )
        ]
        assert fits
    assert not np.array_equal(made, BATCH)


def test_a_zoom_shows_the_middle_of_a_picture_larger():
    ramp = np.tile(np.arange(0, 200, 2, dtype=np.uint8)[:, None, None], (1, 1, 100, 3))
    nothing, most = np.full((1, PICTURE_CHANCES), 0.5), np.full((1, PICTURE_CHANCES), 0.5)
    nothing[:, -1], most[:, -1] = 0, 1
    assert np.array_equal(vary_pictures(ramp, PictureChanges(zoom=0.5), nothing), ramp)
    enlarged = vary_pictures(ramp, PictureChanges(zoom=1.0), most)[0, :, 0, 0].astype(int)
    assert (enlarged.min(), enlarged.max()) == (50, 148)  # the middle half, from pixel 25 to 74
    assert set(np.diff(enlarged)) == {0, 2}


def test_brightness_moves_the_mean_and_contrast_the_spread():
    grey = np.tile(np.array([[100], [150]], np.uint8), (200, 4, 5, 1))
    bright = vary_pictures(grey, PictureChanges(brightness=0.1), chances(count=200))
    assert np.ptp(bright.reshape(200, -1), axis=1).tolist() == [50] * 200
    assert 30 < np.ptp(bright.reshape(200, -1).mean(axis=1)) <= 52
    spread = vary_pictures(grey, PictureChanges(contrast=0.5), chances(count=200))
    assert np.allclose(spread.reshape(200, -1).mean(axis=1), 125, atol=1)
    assert 25 <= np.ptp(spread.reshape(200, -1), axis=1).min() < 35
    assert 65 < np.ptp(spread.reshape(200, -1), axis=1).max() <= 75
