#include "runtime/written.hpp"

#include <algorithm>

namespace klamm::inline v0::runtime {
namespace {

Status changed(const char* which, const std::string& found, const std::string& wanted, const std::string& what,
               const std::string& way_out) {
  return {Code::failed_precondition, what + which + " of type \"" + found + "\", now they are \"" + wanted + "\": " + way_out, {}};
}

bool differ(const std::string& a, const std::string& b) { return a != b && !a.empty() && !b.empty(); }

}  // namespace

const std::string* Written::older_at(log::Offset offset) const {
  const auto found = std::find_if(older.begin(), older.end(), [offset](const Older& each) { return offset < each.until; });
  return found == older.end() || found->value_schema == value_schema ? nullptr : &found->value_schema;
}

Result<Written> go_on(const Written& before, const Types& now, const log::Bounds& unread, const std::string& what) {
  Written after{now.key_schema, now.value_schema, before.older};
  std::erase_if(after.older, [&unread](const Written::Older& older) { return older.until <= unread.begin; });
  if (unread.begin >= unread.end) return after;
  if (differ(before.key_schema, now.key_schema)) {
    return changed("keys", before.key_schema, now.key_schema, what,
                   "go back to the old type, give it a new name, or reset the application");
  }
  if (differ(before.value_schema, now.value_schema)) {
    if (!now.upgrades) return no_upgrade(before.value_schema, now, what);
    after.older.push_back({before.value_schema, unread.end});
  }
  // What is not known now has to agree with who knows it later.
  if (after.value_schema.empty()) after.value_schema = before.value_schema;
  if (after.key_schema.empty()) after.key_schema = before.key_schema;
  return after;
}

Status no_upgrade(const std::string& old_schema, const Types& now, const std::string& what) {
  return changed("values", old_schema, now.value_schema, what,
                 "give their klamm::serde an upgrade(old_schema, bytes, slot), go back to the old type, give it a new name, or reset the "
                 "application");
}

}  // namespace klamm::inline v0::runtime
