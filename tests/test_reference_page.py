import reference_page


def test_the_page_on_the_tutorials_ideas_is_what_its_command_makes_of_the_committed_stores():
    rows = reference_page.read_rows()
    assert len(reference_page.ideas(rows)) >= 60
    assert reference_page.PAGE.read_text(encoding="utf-8") == reference_page.page(rows)
    readme = (reference_page.ROOT / "README.md").read_text(encoding="utf-8")
    assert reference_page.short_table(rows) in readme
