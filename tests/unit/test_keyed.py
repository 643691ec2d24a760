"""A table that went into a record comes back."""

import numpy as np
import pandas as pd

from serlib import results
from serlib.keyed import flat, tidy


def test_a_table_survives_a_record(tmp_path):
    frame = pd.DataFrame(
        {
            "emotion": ["anger", "anger", "sadness"],
            "voice": ["face", "voice", "voice"],
            "value": [0.5, 1.25, np.nan],
            "low": [0.1, 1.0, 2.0],
        }
    )
    values = flat(frame, ["emotion", "voice"])
    assert values["anger / face / low"] == 0.1
    record = results.Measurement("emodb", "grid", values, {}, **results.environment())
    found = tidy(results.read(results.write(record, tmp_path)), ["emotion", "voice"])
    pd.testing.assert_frame_equal(found[frame.columns], frame)


def test_one_key_is_enough():
    values = flat(pd.DataFrame({"input": ["level", "length"], "value": [1, 2]}), ["input"])
    assert values == {"level / value": 1.0, "length / value": 2.0}
