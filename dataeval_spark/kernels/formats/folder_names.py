"""Meaning of the names of folders above images: the class, the split, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

# Names of splits as people write them, and the split that each means.
SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
LEVELS = ("class", "split", "-")


def split_named(folder: str) -> str | None:
    """The split that a folder is named for.

    Examples
    --------
    >>> split_named("Validation"), split_named("cats") is None
    ('val', True)
    """
    return SPLIT_FOLDERS.get(folder.lower())


def parse_layout(text: str) -> tuple[str, ...]:
    """The meaning of each level of folders, from the top: ``split/class``, ``class``, ``-/class``, ``-`` for none.

    Raises
    ------
    ValueError
        A level is none of class, split and ``-``, or stands twice.

    Examples
    --------
    >>> parse_layout("split/class")
    ('split', 'class')
    """
    levels = tuple(part.strip() for part in text.split("/"))
    meanings = [level for level in levels if level != "-"]
    if not all(level in LEVELS for level in levels) or len(set(meanings)) < len(meanings):
        raise ValueError("expected class, split or - for each level of folders, such as class, split/class or -/class")
    return levels


def understood_layout(tops: Sequence[str], seconds: int, *, has_images_above: bool) -> tuple[tuple[str, ...], str]:
    """The likely meaning of folders for which no layout is given, and the doubt about it.

    Folders that are all named for splits are splits, with the classes below them; else the first folder is the class.
    One folder, or one class in all splits, tells images apart from nothing: it is no class.

    Parameters
    ----------
    tops : sequence of str
        Names of the folders directly below SOURCE that images are in.
    seconds : int
        Number of distinct names of the folders below those.
    has_images_above : bool
        Whether images lie directly in SOURCE.

    Returns
    -------
    levels : tuple of str
        Meaning of each level, as of :func:`parse_layout`.
    doubt : str
        ``one_folder``, ``class_named_as_split``, or empty.

    Examples
    --------
    >>> understood_layout(["test", "train"], 2, has_images_above=False)
    (('split', 'class'), '')
    >>> understood_layout(["images"], 0, has_images_above=False)
    (('-',), 'one_folder')
    """
    splits = [top for top in tops if split_named(top)]
    if tops and len(splits) == len(tops) and not has_images_above:
        if seconds > 1:
            return ("split", "class"), ""
        return ("split",), "one_folder" if seconds == 1 else ""
    if len(tops) == 1:
        return ("-",), "one_folder"
    return ("class",), "class_named_as_split" if splits else ""
