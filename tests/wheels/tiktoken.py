import tiktoken

made = tiktoken.Encoding(
    name="small",
    pat_str=r"\w+|\W",
    special_tokens={"<end>": 300},
    mergeable_ranks={bytes([n]): n for n in range(256)} | {b"lo": 256, b"low": 257},
)
assert made.decode(made.encode("low lower")) == "low lower"
assert made.encode("low") == [257]
