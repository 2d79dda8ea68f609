// The members of small JSON objects that are looked at once: headers and names of a connect
// command. Threading: pure functions; each call allocates.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tickcast::protocol {

// The members of `json`, in order, that are strings; none when it is no object.
std::vector<std::pair<std::string, std::string>> StringMembers(std::string_view json);

// The names of all its members, in order.
std::vector<std::string> MemberNames(std::string_view json);

}  // namespace tickcast::protocol
