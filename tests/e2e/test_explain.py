# SPDX-License-Identifier: Apache-2.0
"""The score of `p2posctl explain` over 25 faults (explain_score.py), as a test: 23 or more."""
import os
import unittest

import explain_score


@unittest.skipUnless(os.geteuid() == 0, "network namespaces and file systems need root")
class Score(unittest.TestCase):
    def test_at_least_23_of_25_causes_stand_in_the_first_line(self):
        self.assertEqual(len(explain_score.FAULTS), 25)
        right, _ = explain_score.main([])
        self.assertGreaterEqual(right, explain_score.WANTED)


if __name__ == "__main__":
    unittest.main()
