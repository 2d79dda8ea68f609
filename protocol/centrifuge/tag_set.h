// Tags: the names and values that a publication carries beside its payload, for filters to look at.
//
// A publication keeps its tags as the one line of JSON that goes to clients. However many filters a
// channel's subscribers have, the line is read once per publication into a TagSet, which is sorted,
// and all filters ask that.
// Threading: a TagSet belongs to one thread; one serves a shard.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tickcast::protocol {

class TagSet {
 public:
  struct Tag {
    std::string_view name;
    std::string_view value;
    std::uint32_t place = 0;  // In the line.
  };

  TagSet() = default;
  TagSet(const TagSet&) = delete;
  TagSet& operator=(const TagSet&) = delete;

  // Forgets the tags before and takes those of `line`: a JSON object of strings without white
  // space, or nothing at all. Of a name that is there twice the last counts. Its views point into
  // `line` as well, which has to live as long as they are used. False for anything else, and there
  // are no tags then. Allocates only to grow.
  bool Read(std::string_view line);

  // The value of `name`, or nullptr where there is none; valid until the next Read().
  const std::string_view* Find(std::string_view name) const;

  // All of them, by name; valid as long.
  std::span<const Tag> tags() const { return tags_; }

 private:
  bool ReadMembers(std::string_view line);
  bool ReadString(std::string_view& line, std::string_view& text);
  void Sort();

  std::vector<Tag> tags_;  // By name.
  std::string unescaped_;  // Texts that have escapes; never grows while views are taken.
};

}  // namespace tickcast::protocol
