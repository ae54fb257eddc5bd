"""nbgrader's settings for these exercises: `make exercises` reads them, and an instructor's course folder may, too."""

c = get_config()  # noqa: F821

c.ClearSolutions.code_stub = {"python": "...  # your code here"}
c.ExecutePreprocessor.timeout = 180  # importing torch on a busy machine takes longer than the 30 s of the default
