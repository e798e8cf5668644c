"""`python -m tfgan_kit.compare`: two folders or more, a table, a page."""

from tests.runs.test_comparison import run_of


def test_it_prints_the_table_and_writes_the_page_with_names_relative_to_what_is_shared(command, tmp_path):
    for name in ("x/a", "x/b"):
        run_of(tmp_path / name, {10: 1.0, 20: 2.0})
    page = tmp_path / "c.html"
    code, out, err = command("compare", f"{tmp_path}/x/a", f"{tmp_path}/x/b/", f"--output={page}")
    assert code == 0, err
    assert out.splitlines() == ["run  swd", "a    1 (step 10)", "b    1 (step 10)", f"Wrote {page}"]
    assert "Curves" in page.read_text() and "Images" not in page.read_text()  # there is no checkpoint


def test_what_is_no_list_of_runs_is_refused(command, tmp_path):
    run_of(tmp_path / "a", {10: 1.0})
    for folders, message in [
        ([], "Name two run folders or more.*Received: none"),
        ([tmp_path / "a"], "Name two run folders or more"),
        ([tmp_path / "a", tmp_path], "A run folder holds config.json"),
    ]:
        code, out, err = command("compare", *folders, f"--output={tmp_path}/c.html")
        assert code == 1 and out == "", (folders, message)
    assert command("compare", tmp_path / "a", tmp_path / "a", f"--output={tmp_path}/c.pdf")[0] == 1
    assert not (tmp_path / "c.html").exists()
