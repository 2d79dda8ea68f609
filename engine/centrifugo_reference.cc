// CentrifugoReference(): the tables of docs/from-centrifugo.md, from the table of keys and the
// rules.
#include <absl/strings/str_cat.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/centrifugo_keys.h"
#include "engine/config_keys.h"
#include "engine/config_load.h"

namespace tickcast::engine {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// The keys of ours that are Centrifugo's, as CentrifugoName() names them, each once, in order.
std::vector<std::string> SharedKeys() {
  std::vector<std::string> keys;
  std::set<std::string> seen;
  const auto add = [&](const std::string& name) {
    const std::string plain = CentrifugoName(name);
    if (!IsOwnConfigKey(plain) && seen.insert(plain).second) keys.push_back(plain);
  };
  Config scratch;
  VisitConfigKeys(scratch, [&](const std::string& name, const ConfigFacts&, const ConfigTarget&) {
    add(name);
    // The first key of a list's items is not among those of its section.
    for (const char* list : {"channel.namespaces", "rpc.namespaces", "proxies"}) {
      if (name == list) add(absl::StrCat(name, "[].name"));
    }
  });
  return keys;
}

// Where in the table a key stands: its section, or the list that it is part of.
std::string SectionOf(const std::string& key) {
  const std::size_t list = key.find("[].");
  if (list != std::string::npos) return key.substr(0, list + 2);
  const std::size_t dot = key.find('.');
  return key.substr(0, dot);
}

}  // namespace

std::string CentrifugoReference() {
  std::vector<std::string> sections;
  std::map<std::string, std::string> rows;
  for (const std::string& key : SharedKeys()) {
    const std::string section = SectionOf(key);
    std::string& row = rows[section];
    if (row.empty()) sections.push_back(section);
    const std::string rest = key == section ? key : key.substr(section.size() + 1);
    absl::StrAppend(&row, row.empty() ? "" : ", ", "`", rest, "`");
  }
  std::string text = "### Works\n\n| Section | Keys |\n|---|---|\n";
  for (const std::string& section : sections) {
    absl::StrAppend(&text, "| `", section, "` | ", rows[section], " |\n");
  }
  absl::StrAppend(&text, "\n### Is not here\n\n| Key | Told | Instead |\n|---|---|---|\n");
  for (const CentrifugoRule& rule : CentrifugoRules()) {
    if (rule.told == CentrifugoRule::Told::kNever) continue;
    const bool mistake = rule.told == CentrifugoRule::Told::kMistake;
    std::string advice(rule.advice);
    if (!rule.quiet.empty())
      absl::StrAppend(&advice, " (`", View(rule.quiet), "` asks for nothing)");
    absl::StrAppend(&text, "| `", View(rule.key), "` | ", mistake ? "refused" : "warning", " | ",
                    advice, " |\n");
  }
  absl::StrAppend(&text, "\n### Is not here and not missed\n\n");
  std::string names;
  for (const CentrifugoRule& rule : CentrifugoRules()) {
    if (rule.told != CentrifugoRule::Told::kNever) continue;
    absl::StrAppend(&names, names.empty() ? "" : ",\n", "`", View(rule.key), "`");
  }
  absl::StrAppend(&text, names, ".\n");
  return text;
}

}  // namespace tickcast::engine
