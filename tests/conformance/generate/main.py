# SPDX-License-Identifier: Apache-2.0
"""Writes the generated conformance cases, or with --check says which differ from the kept ones.

usage: python3 tests/conformance/generate/main.py [--check]
"""

import argparse
import importlib.util
import pathlib
import re
import sys

import cyclonus
import scale

FOLDER = pathlib.Path(__file__).resolve().parent.parent


def file_name(number, title):
    words = re.sub(r'[^a-z0-9]+', '_', title.lower()).strip('_')
    return f'{number:03}_{words}.yaml'


def generated():
    """Path -> text of every generated case."""
    files = {}
    for number, case in enumerate(cyclonus.all_cases(), 1):
        text = case.text()
        title = text.splitlines()[0].removeprefix('# ')
        files[FOLDER / 'cyclonus' / file_name(number, title)] = text
    assert len(files) == 230, f'cyclonus has 230 cases, these are {len(files)}'
    for name, text in scale.all_cases().items():
        files[FOLDER / 'scale' / f'{name}.yaml'] = text
    return files


def handwritten_agree():
    """Needs PyYAML, which the generator itself does not."""
    if importlib.util.find_spec('yaml') is None:
        print('without PyYAML (python3-yaml): the hand-written cases were not read')
        return True
    import handwritten
    return handwritten.check(FOLDER)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true')
    options = parser.parse_args()
    files = generated()
    kept = {path: path.read_text() for folder in ('cyclonus', 'scale')
            for path in (FOLDER / folder).glob('*.yaml')}
    if options.check:
        wrong = sorted(path for path in files.keys() | kept.keys()
                       if files.get(path) != kept.get(path))
        for path in wrong:
            print(f'{path}: is not what the generator writes')
        print(f'{len(files)} generated cases, {len(wrong)} differ from the kept ones')
        return 1 if wrong or not handwritten_agree() else 0
    for path in kept.keys() - files.keys():
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    print(f'wrote {len(files)} cases')
    return 0


if __name__ == '__main__':
    sys.exit(main())
