#!/usr/bin/env python3
"""perf/compare.py: which figures are found, which way is better, and what counts as a change."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "perf"))

import compare


def phases(name, *values):
    return [{name: value} for value in values]


class CompareTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_with(self, before, after, *options):
        """Exit status and output of a comparison of two results."""
        paths = []
        for name, result in (("a.json", before), ("b.json", after)):
            (self.folder / name).write_text(result if isinstance(result, str)
                                            else json.dumps(result))
            paths.append(str(self.folder / name))
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = compare.main(paths + list(options))
        return status, output.getvalue()

    def verdicts(self, before, after, limit=0.05):
        changes = compare.compare(compare.figures_of(before), compare.figures_of(after), limit)
        return {change.name: change.verdict for change in changes}

    def test_a_longer_latency_is_worse_and_a_shorter_one_better(self):
        self.assertEqual(self.verdicts({"p99": 100}, {"p99": 120}), {"p99": "worse"})
        self.assertEqual(self.verdicts({"p99": 120}, {"p99": 100}), {"p99": "better"})

    def test_a_higher_rate_is_better_and_a_lower_one_worse(self):
        name = "deliveries_per_s"
        self.assertEqual(self.verdicts({name: 100}, {name: 120}), {name: "better"})
        self.assertEqual(self.verdicts({name: 120}, {name: 100}), {name: "worse"})

    def test_memory_and_cpu_time_are_better_low(self):
        for name in ("server_rss_per_connection", "cpu_us_per_connection_s", "stall_p99"):
            self.assertEqual(self.verdicts({name: 100}, {name: 120}), {name: "worse"})

    def test_the_limit_itself_is_not_beyond_it(self):
        self.assertEqual(self.verdicts({"p99": 100}, {"p99": 105}), {"p99": "same"})
        self.assertEqual(self.verdicts({"p99": 100}, {"p99": 105.1}), {"p99": "worse"})
        self.assertEqual(self.verdicts({"p99": 100}, {"p99": 105.1}, limit=0.1), {"p99": "same"})

    def test_one_lost_publication_more_is_worse_whatever_the_limit(self):
        self.assertEqual(self.verdicts({"lost": 0}, {"lost": 1}, limit=10), {"lost": "worse"})
        self.assertEqual(self.verdicts({"lost": 1}, {"lost": 0}), {"lost": "better"})
        self.assertEqual(self.verdicts({"lost": 0}, {"lost": 0}), {"lost": "same"})

    def test_losses_of_phases_are_added_because_their_median_hides_them(self):
        before = {"phases": phases("lost", 0, 0, 0)}
        after = {"phases": phases("lost", 0, 0, 7)}
        self.assertEqual(self.verdicts(before, after), {"lost": "worse"})

    def test_settings_slopes_and_the_client_are_not_judged(self):
        before = {"connections": 10, "client_cpu_us_per_delivery": 1, "client_cpu_share": 0.5,
                  "server_rss_per_hour": 4096}
        after = {"connections": 99, "client_cpu_us_per_delivery": 9, "client_cpu_share": 0.9,
                 "server_rss_per_hour": 65536}
        self.assertEqual(set(self.verdicts(before, after).values()), {""})

    def test_a_change_within_the_spread_of_the_phases_is_noise(self):
        noisy = {"phases": phases("p99", 80, 90, 100, 110, 120)}
        slower = {"phases": phases("p99", 88, 99, 110, 121, 132)}
        self.assertEqual(self.verdicts(noisy, slower), {"p99": "noise"})

    def test_the_same_change_between_steady_phases_is_worse(self):
        steady = {"phases": phases("p99", 99, 100, 100, 100, 101)}
        slower = {"phases": phases("p99", 109, 110, 110, 110, 111)}
        self.assertEqual(self.verdicts(steady, slower), {"p99": "worse"})

    def test_the_noise_of_a_median_is_its_95_percent_interval(self):
        figure = compare.Figure.of([80, 90, 100, 110, 120])
        self.assertEqual(figure.median, 100)
        self.assertAlmostEqual(figure.spread, 1.57 * (110 - 90) / 5 ** 0.5)

    def test_from_zero_every_change_is_beyond_the_limit(self):
        self.assertEqual(self.verdicts({"growth": 0}, {"growth": 1}), {"growth": "worse"})

    def test_beside_a_floor_the_ratio_of_neighbours_is_judged(self):
        # The machine became half as fast, for both: nothing of it is the server's.
        name = "cpu_us_per_delivery"
        before = {"phases": {"floor": phases(name, 4.0, 4.1, 4.0),
                             "tickcast": phases(name, 4.4, 4.5, 4.4)}}
        after = {"phases": {"floor": phases(name, 8.0, 8.2, 8.0),
                            "tickcast": phases(name, 8.8, 9.0, 8.8)}}
        self.assertEqual(self.verdicts(before, after),
                         {f"floor.{name}": "", f"tickcast.{name}": "",
                          f"tickcast/floor.{name}": "same"})

    def test_a_ratio_to_the_floor_that_grows_is_worse(self):
        name = "cpu_us_per_delivery"
        before = {"1k": {"phases": {"floor": phases(name, 4, 4), "tickcast": phases(name, 4, 4)}}}
        after = {"1k": {"phases": {"floor": phases(name, 4, 4), "tickcast": phases(name, 5, 5)}}}
        self.assertEqual(self.verdicts(before, after)[f"1k.tickcast/floor.{name}"], "worse")

    def test_a_summary_counts_where_its_phases_are_not_in_the_file(self):
        summary = {"median": 7.0, "q1": 6.0, "q3": 8.0}
        figures = compare.figures_of({"tickcast": {"p99": summary}})
        self.assertEqual(figures["tickcast.p99"].median, 7)
        figures = compare.figures_of({"tickcast": {"p99": summary},
                                      "phases": {"tickcast": phases("p99", 1, 2, 3)}})
        self.assertEqual(figures["tickcast.p99"].values, [1, 2, 3])

    def test_true_and_text_are_no_figures(self):
        self.assertEqual(compare.figures_of({"ready": True, "mode": "fanout", "p50": None}), {})

    def test_the_exit_status_says_whether_something_got_worse(self):
        self.assertEqual(self.run_with({"p99": 100}, {"p99": 101})[0], 0)
        self.assertEqual(self.run_with({"p99": 100}, {"p99": 80})[0], 0)
        status, output = self.run_with({"p99": 100, "p50": 10}, {"p99": 200, "p50": 10})
        self.assertEqual(status, 1)
        self.assertRegex(output, r"(?m)^p99 .* 2\.000 .* WORSE$")
        self.assertIn("1 worse, 0 better", output)

    def test_a_limit_is_a_percentage_or_a_fraction(self):
        before, after = {"p99": 100}, {"p99": 108}
        self.assertEqual(self.run_with(before, after, "--limit", "10%")[0], 0)
        self.assertEqual(self.run_with(before, after, "--limit", "0.1")[0], 0)
        self.assertEqual(self.run_with(before, after, "--limit", "7%")[0], 1)

    def test_only_the_figures_asked_for_count(self):
        before, after = {"p99": 100, "p50": 10}, {"p99": 200, "p50": 10}
        status, output = self.run_with(before, after, "--figures", "p5*")
        self.assertEqual(status, 0)
        self.assertNotIn("p99", output)

    def test_what_is_not_judged_is_shown_on_demand(self):
        result = {"p99": 1, "connections": 1000}
        self.assertNotIn("connections", self.run_with(result, result)[1])
        self.assertIn("connections", self.run_with(result, result, "--all")[1])

    def test_a_figure_that_is_gone_is_named(self):
        _, output = self.run_with({"p99": 1, "lost": 0}, {"p99": 1})
        self.assertIn("lost", output.splitlines()[-2])

    def test_a_line_of_loadgen_is_a_result(self):
        line = '{"seconds":1.0,"connections":1001,"deliveries_per_s":212000.5,"p99":1060000,"lost":0}'
        status, output = self.run_with(line, line)
        self.assertEqual(status, 0)
        self.assertIn("0 worse, 0 better, 0 beyond 0.05 but within the noise, 3 the same", output)

    def test_files_that_cannot_be_compared_are_refused(self):
        for before, after in (("{", {"p99": 1}), ({"p99": 1}, "[]"), ({"p99": 1}, {"p50": 1}),
                              ({"connections": 1}, {"connections": 1})):
            with self.assertRaises(compare.Uncomparable):
                self.run_with(before, after)
        with self.assertRaises(compare.Uncomparable):
            compare.main([str(self.folder / "missing"), str(self.folder / "missing")])


if __name__ == "__main__":
    unittest.main()
