import markupsafe

assert str(markupsafe.escape("<a & b>")) == "&lt;a &amp; b&gt;"
assert markupsafe.Markup("<b>%s</b>") % "<" == "<b>&lt;</b>"
