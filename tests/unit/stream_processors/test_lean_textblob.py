"""TextBlob's scorer loads no library of numbers that nltk would take where it finds one."""

import subprocess
import sys

CODE = """
import sys
from stream_processors.sentiment.polarity import open_textblob
from stream_processors.sentiment.ports import PreparedText
print(open_textblob().score([PreparedText("a good day")])[0].score)
print({"sklearn", "pandas", "scipy", "matplotlib"} & set(sys.modules))
import sklearn
"""


def test_it_scores_without_them_and_others_can_import_them_afterwards():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["0.7", "set()"]
