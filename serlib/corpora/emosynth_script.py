"""EmoSynth's script: which emotion follows which in a dialogue, and the words of each turn."""

from collections import Counter
from pathlib import Path

import numpy as np

from serlib.corpora.emosynth_people import BLEND, EMOTIONS, SPEAKERS

TURNS = 12  # in a dialogue
EMOTIONAL_WORDS = 0.85  # chance that an improvised turn's words take a side
KEEP, CATCH = 2.0, 1.0  # how strongly an emotion lasts in a speaker, and passes to the other


def lines() -> dict:
    """Read the sentences: keys ``scripted``, ``frames`` and ``topics``."""
    import yaml

    return yaml.safe_load(Path(__file__).with_name("emosynth.yml").read_text(encoding="utf-8"))


def emotions_in_turn(each: int, rng: np.random.Generator) -> list[str]:
    """Order a session's emotions: every one `each` times a speaker, the two taking turns.

    Neutral comes a quarter more often, as it is the commonest and the reference for the others.
    A speaker's next emotion resembles their last one and the other's last one, so that context
    carries information, as in a real conversation.
    """
    bag = Counter(dict.fromkeys(EMOTIONS, each)) + Counter(neutral=each // 4)
    bags = [bag.copy(), bag.copy()]
    last: list[str | None] = [None, None]
    order = []
    for turn in range(2 * bag.total()):
        me, other = turn % 2, 1 - turn % 2
        weight = np.array([bags[me][emotion] for emotion in EMOTIONS], dtype=float)
        for who, pull in ((me, KEEP), (other, CATCH)):
            if last[who]:
                weight *= (BLEND[EMOTIONS.index(last[who])] + 0.1) ** (0.5 * pull)
        chosen = EMOTIONS[rng.choice(len(EMOTIONS), p=weight / weight.sum())]
        bags[me][chosen] -= 1
        last[me] = chosen
        order.append(chosen)
    return order


def dialogues(session: str, condition: str, order: list[str]) -> list[dict]:
    """Cut a session's turns into dialogues, one in three of them scripted.

    Returns:
        One row a turn: utterance, speaker, session, dialogue, turn, condition, scenario and
        ``true_emotion``.
    """
    names = [speaker.name for speaker in SPEAKERS if speaker.session == session]
    rows = []
    for position, emotion in enumerate(order):
        number, turn = divmod(position, TURNS)
        scenario = "scripted" if number % 3 == 1 else "improvised"
        dialogue = f"{session}-{condition}-{number + 1:02d}"
        rows.append(
            {
                "utterance": f"{dialogue}-{turn + 1:02d}",
                "speaker": names[position % 2],
                "session": session,
                "dialogue": dialogue,
                "turn": turn + 1,
                "condition": condition,
                "scenario": scenario,
                "true_emotion": emotion,
            }
        )
    return rows


def words(row: dict, parts: np.ndarray, said: set[str], script: dict, rng: np.random.Generator):
    """Choose what is said in a turn.

    Args:
        row: the turn, as `dialogues` gives it.
        parts: its mixture of emotions (emotions,).
        said: the session's improvised sentences so far; the new one is added.
        script: as `lines` gives it.
        rng: the source of chance.

    Returns:
        The text, and the emotion its words carry (None if they carry none).
    """
    if row["scenario"] == "scripted":
        return str(rng.choice(script["scripted"])), None
    topic = script["topics"][row["session"]]
    while True:
        carried = None
        if rng.random() < EMOTIONAL_WORDS:
            carried = str(rng.choice(EMOTIONS, p=parts))
        frame = str(rng.choice(script["frames"][carried or "any"]))
        text = frame.format(thing=rng.choice(topic["things"]), who=rng.choice(topic["who"]))
        if text not in said:
            said.add(text)
            return text, carried
