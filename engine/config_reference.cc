// ConfigReference(): the documentation's tables, from the table of keys.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <string>

#include "engine/config_apply.h"
#include "engine/config_keys.h"
#include "engine/config_load.h"

namespace tickcast::engine {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

std::string Code(absl::string_view text) { return absl::StrCat("`", text, "`"); }

template <class Word>
std::string WordOf(const Word* value) {
  const std::string_view word = ConfigWords(value)[static_cast<std::size_t>(*value)];
  return Code(absl::StrCat("\"", View(word), "\""));
}

// What a target's type is called, and what it holds.
struct TypeName {
  std::string operator()(const bool*) const { return "boolean"; }
  std::string operator()(const std::uint16_t*) const { return "integer"; }
  std::string operator()(const std::uint32_t*) const { return "integer"; }
  std::string operator()(const std::uint64_t*) const { return "integer"; }
  std::string operator()(const std::int64_t*) const { return "integer"; }
  std::string operator()(const double*) const { return "number"; }
  std::string operator()(ConfigDuration) const { return "duration"; }
  std::string operator()(const std::string*) const { return "string"; }
  template <ConfigWord Word>
  std::string operator()(const Word*) const {
    return "string";
  }
  std::string operator()(const std::vector<std::string>*) const { return "list of strings"; }
  std::string operator()(const std::vector<std::uint32_t>*) const { return "list of integers"; }
  template <class Owner>
  std::string operator()(const ConfigSection<Owner>&) const {
    return "table";
  }
  template <class Item>
  std::string operator()(const ConfigList<Item>&) const {
    return "list of tables";
  }
};

struct DefaultText {
  std::string operator()(const bool* value) const { return Code(*value ? "true" : "false"); }
  std::string operator()(const std::uint16_t* value) const { return Code(absl::StrCat(*value)); }
  std::string operator()(const std::uint32_t* value) const { return Code(absl::StrCat(*value)); }
  std::string operator()(const std::uint64_t* value) const { return Code(absl::StrCat(*value)); }
  std::string operator()(const std::int64_t* value) const { return Code(absl::StrCat(*value)); }
  std::string operator()(const double* value) const { return Code(absl::StrCat(*value)); }
  std::string operator()(ConfigDuration value) const {
    return Code(absl::StrCat("\"", FormatConfigDuration(*value.ns), "\""));
  }
  std::string operator()(const std::string* value) const {
    return Code(absl::StrCat("\"", *value, "\""));
  }
  template <ConfigWord Word>
  std::string operator()(const Word* value) const {
    return WordOf(value);
  }
  std::string operator()(const std::vector<std::string>* value) const {
    const auto quote = [](std::string* text, const std::string& item) {
      absl::StrAppend(text, "\"", item, "\"");
    };
    return Code(absl::StrCat("[", absl::StrJoin(*value, ", ", quote), "]"));
  }
  std::string operator()(const std::vector<std::uint32_t>*) const { return Code("[]"); }
  template <class Owner>
  std::string operator()(const ConfigSection<Owner>&) const {
    return "";
  }
  template <class Item>
  std::string operator()(const ConfigList<Item>&) const {
    return Code("[]");
  }
};

void AppendHead(const std::string& title, std::string& text) {
  absl::StrAppend(&text, text.empty() ? "" : "\n", "### ", title, "\n\n",
                  "| Key | Type | Default | Range | Meaning |\n|---|---|---|---|---|\n");
}

void AppendRow(const ConfigFacts& facts, const ConfigTarget& target, std::string& text) {
  absl::StrAppend(&text, "| ", Code(View(facts.name)), " | ", std::visit(TypeName(), target), " | ",
                  std::visit(DefaultText(), target), " | ",
                  DescribeConfigBounds(facts.bounds, target), " | ", View(facts.meaning), " |\n");
}

template <class Owner>
void AppendTable(const std::string& title, std::span<const ConfigField<Owner>> fields,
                 std::string& text) {
  AppendHead(title, text);
  Owner defaults;
  for (const auto& field : fields) AppendRow(field.facts, field.locate(defaults), text);
}

}  // namespace

std::string ConfigReference() {
  std::string text;
  Config defaults;
  std::string_view section;
  for (const auto& field : ConfigFields()) {
    const std::string_view top = field.facts.name.substr(0, field.facts.name.find('.'));
    if (top != section) AppendHead(Code(View(top)), text);
    section = top;
    AppendRow(field.facts, field.locate(defaults), text);
  }
  AppendTable("Each of `channel.namespaces`", NamespaceFields(), text);
  AppendTable("Each of `rpc.namespaces`", RpcNamespaceFields(), text);
  AppendTable("`client.subscription_token`, and without `enabled` `client.token`", TokenFields(),
              text);
  AppendTable(
      "Each of `proxies`; without `name` `channel.proxy.subscribe`, `channel.proxy.publish`, "
      "`channel.proxy.sub_refresh`, `channel.proxy.map_publish`, `channel.proxy.map_remove`, "
      "`channel.proxy.shared_poll_refresh` and `rpc.proxy`; with `enabled` in its place "
      "`client.proxy.connect` and `client.proxy.refresh`",
      ProxyFields(), text);
  AppendTable("Each of a proxy's `http.static_headers`", HttpHeaderFields(), text);
  AppendTable("Each of a proxy's `http.status_to_code_transforms`", StatusTransformFields(), text);
  AppendTable("Each of `client.connect_code_to_unidirectional_disconnect.transforms`",
              DisconnectTransformFields(), text);
  AppendTable("Each of `connect_code_to_http_response.transforms`", ResponseTransformFields(),
              text);
  AppendTable("Each of `feeds.replay`", ReplayFields(), text);
  return text;
}

}  // namespace tickcast::engine
