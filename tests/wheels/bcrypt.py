import bcrypt

known = bcrypt.hashpw(b"secret", bcrypt.gensalt(4))
assert bcrypt.checkpw(b"secret", known) and not bcrypt.checkpw(b"other", known)
