"""On which line each key stands, for documents written in every way that TOML has."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from appliance.config.toml_lines import key_lines, line_of

DOCUMENT = '''# a comment with = and [brackets]
top = 1 # another
"quoted key" = "a # and \\" and = inside"

[a.b]   # header
  c = """
x = 1
[no.header]
\\""" still """
d = [
  1, # one
  "]",
  [2, 3],
]
e.f = { g = 1, h = "}" }

[[list]]
x = 'lit # eral'
[list.inner]
y = \'\'\'
z = 3\'\'\'
[[list]]
x = ""
[[list.deep]]
k = 1
'''


def test_every_key_is_found_on_its_line():
    tomllib.loads(DOCUMENT)
    assert key_lines(DOCUMENT) == {
        ("top",): 2,
        ("quoted key",): 3,
        ("a", "b"): 5,
        ("a", "b", "c"): 6,
        ("a", "b", "d"): 10,
        ("a", "b", "e", "f"): 15,
        ("list", 0): 17,
        ("list", 0, "x"): 18,
        ("list", 0, "inner"): 19,
        ("list", 0, "inner", "y"): 20,
        ("list", 1): 22,
        ("list", 1, "x"): 23,
        ("list", 1, "deep", 0): 24,
        ("list", 1, "deep", 0, "k"): 25,
    }


def test_a_key_without_a_line_of_its_own_has_that_of_the_table_around_it():
    lines = key_lines(DOCUMENT)
    assert line_of(lines, ("a", "b", "e", "f", "g")) == 15
    assert line_of(lines, ("list", 1, "deep", 0, "absent")) == 24
    assert line_of(lines, ("absent",)) is None


VALUES = st.sampled_from(
    [
        "1", "-0.5", "true", '"a"', '"\\"#"', "'#['", '"""\n= [x]\n"""', "\'\'\'a\n''b\'\'\'", "[\n1,\n# ]\n2]",
        "{ a = 1 }", "[]", '""', '""""quoted""""', "1979-05-27T07:32:00Z", '["[", "]"]', "[[1], [2]]",
    ]
)  # fmt: skip
BLANKS = st.sampled_from(["", "\n", "# note = 1\n", "  \n\t# [x]\n"])


@given(st.lists(st.tuples(BLANKS, VALUES, st.sampled_from(["", " # end", "  "])), max_size=12))
def test_whatever_the_values_the_line_of_each_key_is_the_one_on_which_it_was_written(entries):
    text, expected = "", {}
    for number, (blank, value, end) in enumerate(entries):
        text += blank
        expected[(f"k{number}",)] = text.count("\n") + 1
        text += f"k{number} = {value}{end}\n"
    tomllib.loads(text)
    assert key_lines(text) == expected
