from kiwisolver import Solver, Variable

x, y = Variable("x"), Variable("y")
solver = Solver()
solver.addConstraint(x + y == 10)
solver.addConstraint(x >= 4)
solver.addConstraint((y == 10) | "weak")
solver.updateVariables()
assert (x.value(), y.value()) == (4, 6)
