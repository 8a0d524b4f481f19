from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

assert Levenshtein.distance("kitten", "sitting") == 3
assert fuzz.ratio("this", "this") == 100
assert process.extractOne("appel", ["apple", "pear"])[0] == "apple"
