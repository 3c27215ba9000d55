"""The README written beside the demo images."""

from __future__ import annotations

from dataeval_spark.demo.plan import BAD_ANNOTATIONS, LATER_GAIN, WEAK_EVERY, plants_for

_TEXT = """\
# Demo images of dataeval_spark

Made on this machine by `dataeval_spark.demo.make_demo_images(directory, count={count}, seed={seed})`. The same
arguments give the same bytes. Nothing was downloaded; all pictures come with scikit-learn.

## What is real

- Photographs: `china.jpg` and `flower.jpg` of scikit-learn's `sklearn.datasets.load_sample_images`. What scikit-learn
  states of them (`sklearn/datasets/images/README.txt`): "Released under a creative commons license"
  (https://creativecommons.org/licenses/by/2.0/), "Attribution: Some rights reserved by danielbuechele"; `china.jpg`
  from https://www.flickr.com/photos/danielbuechele/6061409035/, `flower.jpg` from
  https://www.flickr.com/photos/vultilion/6056698931/. The images here are adaptations: cropped, turned, recoloured
  and drawn upon.
- Digits: scans of handwriting, 1,797 of them in 8 x 8 pixels, from `sklearn.datasets.load_digits`: the test set of
  "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, 1998, UCI Machine Learning Repository,
  https://doi.org/10.24432/C50P49).

## What is made

A scene is a crop of one photograph (128 to 300 pixels wide, turned by up to 25 degrees, perhaps mirrored, slightly
recoloured) at 128 x 128 pixels, with one to three digits enlarged onto it, seen through one of three made-up cameras
that differ in white balance, noise and JPEG quality. Capture times, splits and factors are made, too. `exposure`
(stops) really brightens or darkens the image; each `camera` has more of every third class than of the others.

| file | what it is |
|---|---|
| `images/<label>/<number>.jpg or .png` | {count} images; the folder is the label as annotated, right or wrong |
| `instances.json` | COCO: boxes and classes; the first annotation of an image is its main digit |
| `metadata.csv` | path, captured_at, split and the factors scene, camera, exposure |
| `planted.csv` | what was planted: kind, path, other_path (the original of a copy), detail |
| `later/` | {later} images of three months later: images, instances.json and metadata.csv, without copies or faults |
| `demo.json` | version, count and seed of this set |

## What is planted

| kind | number | what it is |
|---|---|---|
| exact_copy | {exact_copy} | the same bytes under another name |
| reencoded_copy | {reencoded_copy} | decoded and written again: JPEG of quality 85, 70, 50 or 30, or PNG |
| resized_copy | {resized_copy} | resized to 120, 104, 88 or 72 pixels a side and written again |
| blank | {blank} | one flat colour (lens cap, burnt out) |
| dark | {dark} | underexposed |
| blurred | {blurred} | out of focus |
| truncated | {truncated} | a file that ends too early |
| swapped_label | {swapped_label} | the main digit is annotated as another class |
| bad_annotation | {bad} | {bad_forms}: {bad_annotation} each |
| shifted_brightness | 1 | all of `later/`: pixel values times {gain} |

One in {weak} of the blank, dark, blurred and truncated ones is weak: planted to be missed, as are some copies that
equal hashes cannot find. No two plants share an image, and copies may lie in another split than their original.
"""


def readme(*, count: int, later: int, seed: int) -> str:
    """Word the README of a set."""
    plants = plants_for(count)
    return _TEXT.format(
        **{kind: number for kind, number in plants.items() if kind != "later"},
        count=count,
        later=later,
        seed=seed,
        bad=plants["bad_annotation"] * len(BAD_ANNOTATIONS),
        bad_forms=", ".join(BAD_ANNOTATIONS),
        gain=LATER_GAIN,
        weak=WEAK_EVERY,
    )
