# SPDX-License-Identifier: Apache-2.0
"""The lints themselves: each must catch what it is there for, and pass what is right."""

import os
import tempfile
import unittest

import arrows
import files


class Tree:
    """A throw-away source tree made of {path: text}."""

    def __init__(self, contents):
        self.folder = tempfile.TemporaryDirectory(prefix="bulkhead-lint-")
        for path, text in contents.items():
            full = os.path.join(self.folder.name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as out:
                out.write(text)

    def __enter__(self):
        return self.folder.name

    def __exit__(self, *_):
        self.folder.cleanup()


def findings(check, contents):
    with Tree(contents) as root:
        return list(check(root))


class ArrowsLint(unittest.TestCase):
    def test_catches_a_data_plane_that_parses_yaml(self):
        found = findings(arrows.check_arrows, {"dataplane/port/a.cc": '#include "policy/parse/b.h"\n'})
        self.assertEqual(found, ["dataplane/port/a.cc:1: dataplane/port may not include policy/parse/b.h"])

    def test_passes_the_arrows_of_the_design(self):
        self.assertEqual(findings(arrows.check_arrows, {
            "dataplane/port/a.cc": '#include "policy/table/b.h"\n#include "dataplane/packet/c.h"\n',
            "control/apply/a.cc": '#include "dataplane/api/b.h"\n#include "policy/compile/c.h"\n',
            "cni/a.cc": '#include "control/api/b.h"\n'}), [])

    def test_catches_an_oracle_that_borrows_from_the_compiler(self):
        for header in ("policy/compile/a.h", "policy/table/a.h", "policy/parse/a.h"):
            with self.subTest(header):
                self.assertTrue(findings(arrows.check_arrows, {"policy/oracle/o.cc": f'#include "{header}"\n'}))

    def test_catches_control_inside_the_data_plane(self):
        self.assertTrue(findings(arrows.check_arrows, {"control/a/b.cc": '#include "dataplane/flow/c.h"\n'}))
        self.assertTrue(findings(arrows.check_arrows, {"policy/base/b.h": '#include "control/api/c.h"\n'}))

    def test_catches_an_include_of_tests(self):
        self.assertTrue(findings(arrows.check_arrows, {"cni/a.cc": '#include "tests/support/b.h"\n'}))

    def test_catches_a_relative_include(self):
        self.assertTrue(findings(arrows.check_arrows, {"cni/a.cc": '#include "b.h"\n'}))

    def test_catches_eal_outside_its_door(self):
        wrong = {"dataplane/flow/a.cc": "#include <rte_eal.h>\n"}
        right = {"dataplane/port/a.cc": "#include <rte_eal.h>\n", "dataplane/flow/a.cc": "#include <rte_mbuf.h>\n"}
        self.assertTrue(findings(arrows.check_doors, wrong))
        self.assertEqual(findings(arrows.check_doors, right), [])

    def test_catches_dpdk_in_the_policy_library(self):
        self.assertTrue(findings(arrows.check_doors, {"policy/table/a.h": "#include <rte_mbuf.h>\n"}))

    def test_catches_a_cycle(self):
        found = findings(arrows.check_cycles, {"dataplane/a/x.h": '#include "dataplane/b/y.h"\n',
                                               "dataplane/b/y.h": '#include "dataplane/a/x.h"\n'})
        self.assertEqual(len(found), 1)
        self.assertIn("dataplane/a -> dataplane/b -> dataplane/a", found[0])

    def test_catches_a_link_line_that_hides_an_include(self):
        tree = {"policy/model/CMakeLists.txt": "bulkhead_library(policy/model SOURCES m.cc)\n",
                "policy/base/CMakeLists.txt": "bulkhead_library(policy/base SOURCES b.cc)\n",
                "policy/model/m.cc": '#include "policy/base/b.h"\n', "policy/base/b.h": "\n"}
        self.assertEqual(len(findings(arrows.check_link_lines, tree)), 1)
        tree["policy/model/CMakeLists.txt"] = "bulkhead_library(policy/model SOURCES m.cc DEPENDS policy/base)\n"
        self.assertEqual(findings(arrows.check_link_lines, tree), [])

    def test_catches_a_folder_for_everything(self):
        self.assertTrue(findings(arrows.check_folder_names, {"control/utils/a.h": "\n"}))


class FilesLint(unittest.TestCase):
    def test_catches_a_missing_licence_line(self):
        self.assertTrue(findings(files.check_license_lines, {"cni/a.cc": "int a;\n"}))
        self.assertEqual(findings(files.check_license_lines,
                                  {"cni/a.cc": "// SPDX-License-Identifier: Apache-2.0\n"}), [])

    def test_catches_a_long_file(self):
        self.assertTrue(findings(files.check_lengths, {"cni/a.cc": "\n" * 401}))
        self.assertEqual(findings(files.check_lengths, {"cni/a.cc": "\n" * 400}), [])

    def test_catches_a_header_that_needs_another(self):
        def check(root):
            return files.check_headers_alone(root, flags=[])
        self.assertTrue(findings(check, {"policy/base/a.h": "inline std::string a;\n"}))
        self.assertEqual(findings(check, {"policy/base/a.h": "#include <string>\ninline std::string a;\n"}), [])
        # The build compiles a.h alone only when a.cc includes it before anything else.
        late = {"policy/base/a.h": "inline std::string a;\n", "policy/base/a.cc": '#include <string>\n#include "policy/base/a.h"\n'}
        self.assertTrue(findings(check, late))

    def test_catches_wrong_layout(self):
        self.assertTrue(findings(files.check_format, {".clang-format": "BasedOnStyle: Google\n",
                                                      "cni/a.cc": "int   a ;\n"}))

    def test_catches_broken_shell(self):
        self.assertTrue(findings(files.check_shell_syntax, {"deploy/a.sh": "#!/bin/bash\nif true\n"}))
