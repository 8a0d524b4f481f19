import io

from PIL import Image, ImageFilter

image = Image.new("RGB", (64, 48), "red")
for kind in ("PNG", "JPEG", "GIF"):
    data = io.BytesIO()
    image.save(data, kind)
    assert Image.open(io.BytesIO(data.getvalue())).size == (64, 48)
assert image.resize((8, 8)).filter(ImageFilter.BLUR).convert("L").getpixel((4, 4)) > 0
