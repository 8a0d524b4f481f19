import regex

assert regex.findall(r"\p{Lu}\w+", "Ab cd Ef") == ["Ab", "Ef"]
assert regex.fullmatch(r"(?:cat){e<=1}", "cut")
assert regex.sub(r"(?<n>\d)(?&n)?", "x", "a1b22") == "axbx"
