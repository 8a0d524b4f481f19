from tokenizers import Tokenizer, models, pre_tokenizers, trainers

made = Tokenizer(models.BPE(unk_token="?"))
made.pre_tokenizer = pre_tokenizers.Whitespace()
made.train_from_iterator(
    ["low lower lowest"] * 5, trainers.BpeTrainer(vocab_size=40, special_tokens=["?"], show_progress=False)
)
assert made.decode(made.encode("lower").ids).replace(" ", "") == "lower"
