#!/usr/bin/env python3
"""perf/flamegraph*.py: folding what perf script prints, and the SVG."""

import io
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "perf"))

import flamegraph_stacks
import flamegraph_svg

SVG = "{http://www.w3.org/2000/svg}"

SAMPLES = """\
        tickcast  4711/4712    81.250000: cpu-clock:pppH: 
\tffffffff81b2c3d4 tcp_sendmsg+0x10 ([kernel.kallsyms])
\t    55d0c0de0010 tickcast::shards::Sender::Queue(tickcast::shards::InFlight const&) (/usr/local/bin/tickcast)
\t    55d0c0de0000 main (/usr/local/bin/tickcast)

 Log worker  4711/4713    81.250100: cpu-clock:pppH: 
\t    7f0000001000 [unknown] (/usr/lib/x86_64-linux-gnu/libc.so.6)
\t          100000 [unknown] ([unknown])

        tickcast  4711/4712    81.251000: cpu-clock:pppH: 
\tffffffff81b2c3d4 tcp_sendmsg+0x10 ([kernel.kallsyms])
\t    55d0c0de0010 tickcast::shards::Sender::Queue(tickcast::shards::InFlight const&) (/usr/local/bin/tickcast)
\t    55d0c0de0000 main (/usr/local/bin/tickcast)

"""

SWITCHES = """\
tickcast  7/8    10.000100: context-switches: 
\tffffffff81000010 schedule ([kernel.kallsyms])
\t    55d0c0de0000 park (/usr/local/bin/tickcast)

tickcast  7/8    10.000100: PERF_RECORD_SWITCH OUT
tickcast  7/9    10.000200: context-switches: 
\t    55d0c0de0020 spin (/usr/local/bin/tickcast)

tickcast  7/9    10.000200: PERF_RECORD_SWITCH OUT preempt
tickcast  7/8    10.002600: PERF_RECORD_SWITCH IN
tickcast  7/9    10.000700: PERF_RECORD_SWITCH IN
tickcast  7/8    10.003000: context-switches: 
\t    55d0c0de0000 park (/usr/local/bin/tickcast)

tickcast  7/8    10.003000: PERF_RECORD_SWITCH OUT
"""


def on_cpu(text):
    return dict(flamegraph_stacks.fold_on_cpu(text.splitlines(keepends=True)))


def off_cpu(text):
    return dict(flamegraph_stacks.fold_off_cpu(text.splitlines(keepends=True)))


class FoldTest(unittest.TestCase):
    def test_equal_stacks_are_counted_outermost_frame_first(self):
        stacks = on_cpu(SAMPLES)
        self.assertEqual(stacks[("tickcast", "main", "tickcast::shards::Sender::Queue",
                                 "tcp_sendmsg+0x10_[k]")], 2)

    def test_an_unknown_function_is_named_by_its_library_as_far_as_that_is_known(self):
        self.assertEqual(on_cpu(SAMPLES)[("Log worker", "[unknown]", "[libc.so.6]")], 1)

    def test_nothing_is_folded_but_the_samples(self):
        self.assertEqual(sum(on_cpu(SAMPLES).values()), 3)
        self.assertEqual(sum(on_cpu(SWITCHES).values()), 3)
        self.assertEqual(on_cpu(""), {})

    def test_a_thread_is_off_the_cpu_from_its_switch_until_it_runs_again(self):
        self.assertEqual(off_cpu(SWITCHES)[("tickcast", "park", "schedule_[k]")], 2500)

    def test_a_thread_that_was_preempted_is_told_from_one_that_waits(self):
        self.assertEqual(
            off_cpu(SWITCHES)[("tickcast", "spin", flamegraph_stacks.PREEMPTED)], 500)

    def test_a_wait_without_an_end_is_not_counted(self):
        self.assertNotIn(("tickcast", "park"), off_cpu(SWITCHES))

    def test_a_second_switch_of_a_thread_is_no_preemption_any_more(self):
        text = SWITCHES.replace("OUT\n", "OUT preempt\n", 1) + (
            "tickcast  7/8    10.004000: PERF_RECORD_SWITCH IN\n")
        self.assertEqual(off_cpu(text)[("tickcast", "park")], 1000)

    def test_what_is_no_output_of_perf_script_is_refused(self):
        for text in ("hello\n", "\tffffffff81b2c3d4 tcp_sendmsg ([kernel.kallsyms])\n"):
            with self.assertRaisesRegex(flamegraph_stacks.StackError, "line 1"):
                on_cpu(text)

    def test_names_lose_return_type_parameters_and_clones(self):
        for symbol, short in (
                ("main", "main"),
                ("f(int, char*)", "f"),
                ("a::f(std::vector<int> const&) const", "a::f"),
                ("void a::f<int, b c>(int)", "a::f<int, b c>"),
                ("std::vector<int, std::allocator<int> > a::f(int)", "a::f"),
                ("a::(anonymous namespace)::f(int)", "a::(anonymous namespace)::f"),
                ("a::{lambda(bool)#1}::operator()(bool) const", "a::{lambda(bool)#1}::operator()"),
                ("operator new(unsigned long)", "operator new"),
                ("a::operator<(int)", "a::operator<"),
                ("f(int) [clone .isra.0] [clone .cold]", "f"),
                ("tcp_sendmsg+0x10", "tcp_sendmsg+0x10"),
                ("odd;name", "odd:name")):
            self.assertEqual(flamegraph_stacks.short_symbol(symbol), short)

    def test_a_folded_file_reads_as_it_was_written(self):
        stacks = flamegraph_stacks.fold_on_cpu(SAMPLES.splitlines())
        file = io.StringIO()
        flamegraph_stacks.write_folded(stacks, file)
        self.assertEqual(flamegraph_stacks.read_folded(file.getvalue().splitlines()), stacks)

    def test_a_line_without_weight_is_refused(self):
        for line in ("a;b", "a;b x", "7"):
            with self.assertRaises(flamegraph_stacks.StackError):
                flamegraph_stacks.read_folded([line])


class DrawTest(unittest.TestCase):
    STACKS = {("tickcast", "main", "f"): 60, ("tickcast", "main", "g"): 30, ("log",): 10}

    def frames(self, stacks=None):
        """Frames by tooltip: (x, y, width, fill)."""
        root = xml.etree.ElementTree.fromstring(
            flamegraph_svg.draw(stacks or self.STACKS, "title", "samples"))
        frames = {}
        for group in root.iter(SVG + "g"):
            if group.get("class") == "f":
                rect = group.find(SVG + "rect")
                frames[group.find(SVG + "title").text] = (
                    float(rect.get("x")), float(rect.get("y")), float(rect.get("width")),
                    rect.get("fill"))
        return frames

    def test_a_frame_is_as_wide_as_its_share_and_says_it(self):
        frames = self.frames()
        full = flamegraph_svg.WIDTH - 2 * flamegraph_svg.MARGIN
        self.assertEqual(frames["all (100 samples, 100.00 %)"][2], full)
        self.assertAlmostEqual(frames["main (90 samples, 90.00 %)"][2], 0.9 * full, 2)
        self.assertAlmostEqual(frames["f (60 samples, 60.00 %)"][2], 0.6 * full, 2)

    def test_callees_lie_above_their_caller_and_beside_each_other(self):
        frames = self.frames()
        main, f = frames["main (90 samples, 90.00 %)"], frames["f (60 samples, 60.00 %)"]
        g = frames["g (30 samples, 30.00 %)"]
        self.assertEqual(main[1] - f[1], flamegraph_svg.ROW)
        self.assertEqual(f[1], g[1])
        self.assertAlmostEqual(f[0], main[0], 2)
        self.assertAlmostEqual(g[0], f[0] + f[2], 2)

    def test_the_order_of_the_input_changes_nothing(self):
        turned = dict(reversed(list(self.STACKS.items())))
        self.assertEqual(flamegraph_svg.draw(self.STACKS, "t", "us"),
                         flamegraph_svg.draw(turned, "t", "us"))

    def test_a_colour_is_the_names_own_and_tells_the_kernel_from_us(self):
        hue = {name: int(re.match(r"hsl\((\d+)", flamegraph_svg.colour(name))[1])
               for name in ("tcp_sendmsg_[k]", "tickcast::shards::Shard::Turn", "malloc")}
        self.assertTrue(38 <= hue["tcp_sendmsg_[k]"] <= 52, hue)
        self.assertTrue(200 <= hue["tickcast::shards::Shard::Turn"] <= 218, hue)
        self.assertTrue(95 <= hue["malloc"] <= 130, hue)
        self.assertEqual(flamegraph_svg.colour("f"), flamegraph_svg.colour("f"))

    def test_names_are_escaped(self):
        frames = self.frames({('std::map<a, b>::at("&")',): 1})
        self.assertIn('std::map<a, b>::at("&") (1 samples, 100.00 %)', frames)

    def test_what_is_too_narrow_to_see_is_left_out(self):
        frames = self.frames({("wide",): 10_000_000, ("narrow",): 1})
        self.assertEqual(len(frames), 2)

    def test_a_deep_stack_is_drawn_whole(self):
        frames = self.frames({tuple(f"f{i}" for i in range(2_000)): 1})
        self.assertEqual(len(frames), 2_001)
        self.assertGreater(min(y for _, y, _, _ in frames.values()), 0)

    def test_text_is_cut_to_its_frame(self):
        self.assertEqual(flamegraph_svg.fitting("abcdefghij", 100), "abcdefghij")
        self.assertEqual(flamegraph_svg.fitting("abcdefghij", 50), "abcd..")
        self.assertEqual(flamegraph_svg.fitting("abcdefghij", 10), "")

    def test_nothing_to_draw_is_an_error(self):
        with self.assertRaises(ValueError):
            flamegraph_svg.draw({}, "t", "us")

    def test_it_needs_nothing_from_elsewhere(self):
        svg = flamegraph_svg.draw(self.STACKS, "t", "us")
        self.assertEqual(re.findall(r"https?://\S+?[\"']", svg), ['http://www.w3.org/2000/svg"'])
        self.assertIn("function zoom", svg)


@unittest.skipUnless(shutil.which("chromium"), "no chromium here")
class BrowserTest(unittest.TestCase):
    """Zoom and search, in a browser: the script clicks and leaves what it sees in an attribute."""

    ACTIONS = """<script>
      window.prompt = () => 'f';
      const frames = Array.from(document.querySelectorAll('.f'));
      const main = frames.find((frame) => frame.dataset.name === 'main');
      const seen = () => frames.filter((frame) => frame.style.display !== 'none')
          .map((frame) => frame.dataset.name + '=' + frame.querySelector('rect').getAttribute('width'))
          .sort().join(' ');
      const click = (element) => element.dispatchEvent(new MouseEvent('click'));
      click(main);
      const zoomed = seen();
      click(document.getElementById('search'));
      const found = document.getElementById('found').textContent;
      click(document.getElementById('reset'));
      document.documentElement.setAttribute('data-seen', [zoomed, found, seen()].join('|'));
    </script>"""

    def test_a_click_zooms_in_and_a_search_tells_the_share(self):
        svg = flamegraph_svg.draw(DrawTest.STACKS, "title", "samples")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "graph.svg"
            path.write_text(svg.replace("</svg>", self.ACTIONS + "</svg>"))
            page = subprocess.run(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
                 f"--user-data-dir={folder}/profile", "--dump-dom", path.as_uri()],
                capture_output=True, text=True, timeout=120).stdout
        zoomed, found, reset = re.search(r'data-seen="([^"]*)"', page)[1].split("|")
        # What main was called by covers the whole width; the thread beside it is gone.
        widths = dict(frame.split("=") for frame in zoomed.split())
        self.assertEqual(set(widths), {"all", "tickcast", "main", "f", "g"})
        self.assertEqual(float(widths["all"]), 1180)
        self.assertEqual(float(widths["main"]), 1180)
        self.assertAlmostEqual(float(widths["f"]), 1180 * 60 / 90, 1)
        self.assertEqual(found, "f: 60.00 %")
        self.assertIn("log=118", reset)


if __name__ == "__main__":
    unittest.main()
