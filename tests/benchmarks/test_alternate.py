from benchmarks.alternate import alternate


def test_every_other_round_goes_the_other_way_round():
    turns = []
    contestants = {name: lambda name=name: turns.append(name) for name in "abc"}
    seconds = alternate(contestants, rounds=3, warmup=0)
    assert "".join(turns) == "abc" + "cba" + "abc"
    assert {name: values.shape for name, values in seconds.items()} == {"a": (3,), "b": (3,), "c": (3,)}
