from nacl.public import PrivateKey, SealedBox
from nacl.signing import SigningKey

key = PrivateKey.generate()
assert SealedBox(key).decrypt(SealedBox(key.public_key).encrypt(b"m")) == b"m"
signing = SigningKey.generate()
assert signing.verify_key.verify(signing.sign(b"m")) == b"m"
