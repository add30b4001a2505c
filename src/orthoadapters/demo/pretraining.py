"""The demo backbone's tokenizer and its masked language model, pretrained on every language but the unseen one.

Beside masked pieces it predicts, from <s> of two statements, the connective that was taken from between them, as sentence
encoders have been trained on discourse markers (DisSent, Nie et al. 2019). XLM-R has no such loss. Without it <s> of a
model this small knows nothing of its sentences, and XNLI, which is read off <s>, stays at chance in other languages.

Shapes: B windows, T subwords, H hidden size, d = H / heads.
"""

from collections.abc import Callable, Iterator

import tokenizers
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForMaskedLM

from .cooccurrence import piece_vectors
from .languages import SEEN_LANGUAGES
from .pieces import BOS, EOS, PAD, UNK, segment, train_tokenizer
from .recipe import BackboneRecipe
from .text import linked_statements, pretraining_text

Window = tuple[list[int], int]  # subword ids, and the first piece of the connective that <s> is to name, or NONE
NONE = PAD


def pretrain(
    recipe: BackboneRecipe, progress: Callable[[int], None] = lambda step: None
) -> tuple[XLMRobertaForMaskedLM, PreTrainedTokenizerFast]:
    """Trains both from nothing. Seeds torch's global generator: the caller forks it. `progress` hears of each step."""
    torch.manual_seed(recipe.seed)
    texts = pretraining_text(recipe.passages, recipe.mixed_passages)
    tokenizer = train_tokenizer(texts, recipe.pieces)
    model = XLMRobertaForMaskedLM(roberta_config(recipe, tokenizer.get_vocab_size()))
    samples = windows(texts, tokenizer, recipe)
    samples += linked_windows(list(linked_statements(SEEN_LANGUAGES, recipe.linked_pairs)), tokenizer, recipe.window)
    _look_at_neighbours(model)
    _start_from_cooccurrence(model, samples)
    model.eval()  # ours: no dropout; every passage is read about once, so there is nothing to overfit
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.lr, betas=(0.9, 0.98), weight_decay=0.01)  # RoBERTa's
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _warm_up_then_decay(step, recipe.steps))
    stream = batches(samples, recipe.batch)
    for step in range(recipe.steps):
        original_BT, link_B = next(stream)
        input_BT, is_chosen_BT = _mask(original_BT, recipe.mask_share, tokenizer.get_vocab_size())
        real_BT = original_BT != PAD
        layers = model.roberta(input_BT, attention_mask=real_BT.long(), output_hidden_states=True).hidden_states
        loss = cross_entropy(model.lm_head(layers[-1][is_chosen_BT]), original_BT[is_chosen_BT])
        if (is_linked_B := link_B != NONE).any():
            first = above_the_first_layer(model, layers[1][is_linked_B].detach(), real_BT[is_linked_B])
            loss = loss + recipe.link_weight * cross_entropy(model.lm_head(first), link_B[is_linked_B])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        progress(step + 1)
    return model, _wrap(tokenizer, recipe.window)


def above_the_first_layer(model: XLMRobertaForMaskedLM, hidden_BTH: Tensor, real_BT: Tensor) -> Tensor:
    """Computes <s> after the layers above the first one, (B, H).

    The first layer is left to L_MLM alone: with the connectives' gradient in it too, language adapters were of no use to
    the unseen language any more.
    """
    mask = real_BT[:, None, None, :]
    for layer in model.roberta.encoder.layer[1:]:
        hidden_BTH = layer(hidden_BTH, mask)
    return hidden_BTH[:, 0]


def _wrap(core: tokenizers.Tokenizer, window: int) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        model_max_length=window,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
    )


def roberta_config(recipe: BackboneRecipe, pieces: int) -> XLMRobertaConfig:
    return XLMRobertaConfig(
        vocab_size=pieces,
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=4 * recipe.hidden,
        max_position_embeddings=recipe.window + PAD + 1,  # XLM-R counts positions from the padding index on
        type_vocab_size=1,
        bos_token_id=BOS,
        pad_token_id=PAD,
        eos_token_id=EOS,
        hidden_dropout_prob=0.0,  # ours: none in pretraining, so none for the adapters either: they would learn to bear it
        attention_probs_dropout_prob=0.0,
        layer_norm_eps=1e-5,
        initializer_range=0.05,  # XLM-R's 0.02, times sqrt(768 / 128) for the smaller H
    )


@torch.no_grad()
def _look_at_neighbours(model: XLMRobertaForMaskedLM) -> None:
    """Starts three heads of each layer on the words before and after, and one on words like the one at hand.

    For the neighbours there are sinusoidal positions in d of the H dimensions.

    Ours. From random weights a model this small spends its whole budget on the plateau where it knows how frequent
    words are but not that neighbours matter; this leaves XLM-R's form untouched and everything is still trained.
    """
    config, embeddings = model.config, model.roberta.embeddings
    d = config.hidden_size // config.num_attention_heads
    frequency = torch.exp(torch.linspace(0.7, -2.3, d // 2))  # radians a position: wavelengths of 3 to 60 positions
    angle = torch.arange(config.max_position_embeddings)[:, None] * frequency
    positions = embeddings.position_embeddings.weight.zero_()
    positions[:, :d] = torch.cat((angle.sin(), angle.cos()), dim=1) * 6 * config.initializer_range  # above the words
    embeddings.word_embeddings.weight[:, :d] *= 0.3  # few words in those dimensions
    for number, layer in enumerate(model.roberta.encoder.layer):
        attention = layer.attention.self
        for head, offset in enumerate((-1, 1, (-2, 2)[number % 2])[: config.num_attention_heads - 1]):
            cos, sin = (frequency * offset).cos().diag(), (frequency * offset).sin().diag()
            rows = slice(head * d, (head + 1) * d)
            attention.query.weight[rows], attention.key.weight[rows] = 0.0, 0.0
            attention.query.weight[rows, :d] = 1.2 * torch.cat((torch.cat((cos, sin), 1), torch.cat((-sin, cos), 1)))
            attention.key.weight[rows, :d] = 1.2 * torch.eye(d)
        last = slice(config.hidden_size - d, None)
        attention.query.weight[last, d:].normal_(std=0.12)
        attention.query.weight[last, :d] = 0.0
        attention.key.weight[last] = attention.query.weight[last]  # like looks at like


@torch.no_grad()
def _start_from_cooccurrence(model: XLMRobertaForMaskedLM, samples: list[Window]) -> None:
    """Sets the embeddings of words, in the dimensions that positions leave to them."""
    config, words = model.config, model.roberta.embeddings.word_embeddings.weight
    d = config.hidden_size // config.num_attention_heads
    vectors = piece_vectors([ids for ids, _ in samples], len(words), config.hidden_size - d)
    scale = config.initializer_range * (config.hidden_size - d) ** 0.5  # as long as random ones
    words[UNK + 1 : -1, d:] = vectors[UNK + 1 : -1] * scale


def _warm_up_then_decay(step: int, steps: int) -> float:
    warm_up = max(1, steps // 10)  # ours: RoBERTa has 6 %, of far more steps
    return min((step + 1) / warm_up, (steps - step) / max(1, steps - warm_up))


def windows(texts: list[str], tokenizer: tokenizers.Tokenizer, recipe: BackboneRecipe) -> list[Window]:
    """Cuts texts into windows of subword ids: packed text, single passages, and passages as pairs of segments.

    Packed ones fill every position; pairs let the model see <s> A </s></s> B </s>, in which XNLI will come.
    """
    window = recipe.window
    samples: list[Window] = []
    stream: list[int] = []
    full_stop = tokenizer.token_to_id(".")
    order = torch.randperm(len(texts)).tolist()
    draws = torch.rand(len(order), 2).tolist()
    for (kind, position), ids in zip(draws, segment([texts[n] for n in order], tokenizer), strict=True):
        ends = [n + 1 for n, piece in enumerate(ids[:-1]) if piece == full_stop]
        if kind < 0.25:
            stream += ids
            while len(stream) >= window - 2:
                samples.append(([BOS, *stream[: window - 2], EOS], NONE))
                stream = stream[window - 2 :]
        elif kind < 0.5 or not ends:
            samples.append(([BOS, *ids[: window - 2], EOS], NONE))
        else:
            end = ends[int(position * len(ends))]
            pair = [BOS, *ids[:end], EOS, EOS, *ids[end:]]
            samples.append(([*pair[: window - 1], EOS], NONE))
    return samples


def linked_windows(pairs: list[tuple[str, str, str]], tokenizer: tokenizers.Tokenizer, window: int) -> list[Window]:
    """Cuts pairs of statements as XNLI will have them, each with the first piece of the connective that links them."""
    first, connective, second = (
        [encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
        for texts in zip(*pairs, strict=True)
    )
    return [
        ([BOS, *a, EOS, EOS, *b, EOS], link[0])
        for a, link, b in zip(first, connective, second, strict=True)
        if len(a) + len(b) + 4 <= window
    ]


def batches(samples: list[Window], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields batches of windows of similar length without end, in random order: padded ids (B, T), connectives (B,)."""
    by_length = sorted(samples, key=lambda window: len(window[0]))
    groups = [by_length[n : n + batch] for n in range(0, len(by_length), batch)]
    while True:
        for n in torch.randperm(len(groups)).tolist():
            longest = len(groups[n][-1][0])
            rows_of_batch = [ids + [PAD] * (longest - len(ids)) for ids, _ in groups[n]]
            yield torch.tensor(rows_of_batch), torch.tensor([link for _, link in groups[n]])


def _mask(original_BT: Tensor, share: float, pieces: int) -> tuple[Tensor, Tensor]:
    """Chooses pieces, of which 80 % become <mask> and 10 % another piece, as XLM-R's. Returns (input, chosen), both (B, T)."""
    is_chosen_BT = (torch.rand(original_BT.shape) < share) & (original_BT > UNK)
    fate_BT = torch.rand(original_BT.shape)
    others_BT = torch.randint(UNK + 1, pieces - 1, original_BT.shape)
    input_BT = original_BT.masked_fill(is_chosen_BT & (fate_BT < 0.8), pieces - 1)
    return torch.where(is_chosen_BT & (fate_BT >= 0.9), others_BT, input_BT), is_chosen_BT
