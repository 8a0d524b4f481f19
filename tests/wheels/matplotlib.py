import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

figure = Figure(figsize=(2, 2))
axes = figure.subplots()
axes.plot([1, 2, 3], [1, 4, 9], label="x")
axes.legend()
data = io.BytesIO()
FigureCanvasAgg(figure).print_png(data)
assert data.getvalue().startswith(b"\x89PNG")
