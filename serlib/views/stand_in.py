"""A speech model of toy size with random weights: for pages that run without a network."""

from pathlib import Path


def stand_in(folder: Path | str, seed: int = 0) -> str:
    """Save an untrained wav2vec 2.0 of four small layers, and give its folder.

    It shows the shapes of a real one (five hidden states of 48 numbers every 20 ms), and it is a
    control: what it reaches is due to the architecture, not to anything learnt. Whoever draws a
    figure with it says so in the figure.

    Args:
        folder: where the model goes; `SpeechModel` takes it by this name.
        seed: of the weights.
    """
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    size = {"hidden_size": 48, "intermediate_size": 96, "num_attention_heads": 4}
    convolutions = {"conv_dim": (32,) * 7, "num_conv_pos_embeddings": 16}
    config = Wav2Vec2Config(num_hidden_layers=4, initializer_range=0.3, **size, **convolutions)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Wav2Vec2Model(config)
    # Untrained, the code of the position would drown what is heard there.
    model.encoder.pos_conv_embed.conv.parametrizations.weight.original0.data.zero_()
    model.save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return str(folder)
