from lxml import etree, html

root = etree.fromstring("<a><b n='1'/><b n='2'/></a>")
assert root.xpath("sum(b/@n)") == 3
assert etree.tostring(root).startswith(b"<a>")
style = etree.XSLT(
    etree.XML(
        '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
        '<xsl:template match="/"><n><xsl:value-of select="count(//b)"/></n></xsl:template></xsl:stylesheet>'
    )
)
assert style(root).getroot().text == "2"
assert html.fromstring("<p>x<br>y").text_content() == "xy"
