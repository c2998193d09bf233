#include "state/open_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace klamm::inline v0::state {
namespace {

namespace fs = std::filesystem;
using detail::Opened;

// A check of a file that was closed in order only guards against disks; small ones are checked anyway, it costs nothing.
constexpr std::uintmax_t always_checked_bytes = std::uintmax_t{8} << 20;

Status refused(const StoreFile& file, const std::string& why, Code code = Code::failed_precondition) {
  return {code, "store \"" + file.store + "\": " + why, file.store};
}

std::string quoted(const std::string& text) { return '"' + text + '"'; }

/// Whether a file can be made at the path; better said at start than half a minute later.
Status check_writable(const StoreFile& file) {
  std::error_code error;
  const fs::path directory = fs::path{file.path}.parent_path();
  if (!directory.empty()) fs::create_directories(directory, error);
  if (error) return refused(file, "directory " + directory.string() + " can't be made: " + error.message());
  const std::string probe = file.path + ".new";
  const int fd = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return refused(file, "file " + probe + " can't be made: " + std::strerror(errno));
  ::close(fd);
  return remove_file(probe);
}

Result<FoundFile> begin_anew(const StoreFile& file, Opened::How how, std::string reason) {
  if (auto status = remove_file(file.path); !status.ok()) return status;
  if (auto status = check_writable(file); !status.ok()) return status;
  return FoundFile{{how, std::move(reason)}, {file.changelog_begin, 0, {}}, nullptr};
}

Result<FoundFile> rebuild(const StoreFile& file, const std::string& why) {
  return begin_anew(file, Opened::How::rebuilt, "file " + file.path + ": " + why + ": removed, all is restored from the changelog");
}

Result<FoundFile> set_aside(const StoreFile& file, const std::string& why) {
  const std::string aside = file.path + ".foreign";
  if (std::rename(file.path.c_str(), aside.c_str()) != 0) {
    return refused(file, "file " + file.path + " is foreign (" + why + ") and can't be renamed to " + aside + ": " + std::strerror(errno));
  }
  std::rename((file.path + "-wal").c_str(), (aside + "-wal").c_str());  // there need not be one
  return begin_anew(file, Opened::How::rebuilt,
                    "file " + file.path + ": " + why + ": set aside as " + aside + ", all is restored from the changelog");
}

struct Header {
  bool sqlite = false;
  std::int32_t application_id = 0, user_version = 0;
};

/// Reads what SQLite keeps at fixed places (sqlite.org/fileformat.html, 1.3), so that a foreign file is not even opened.
Result<Header> read_header(const StoreFile& file) {
  const int fd = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return refused(file, "file " + file.path + " can't be opened: " + std::strerror(errno));
  std::array<unsigned char, 100> bytes{};
  const auto got = ::read(fd, bytes.data(), bytes.size());
  const int error = errno;
  ::close(fd);
  if (got < 0) return refused(file, "file " + file.path + " can't be read: " + std::strerror(error));
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[at + i];
    return static_cast<std::int32_t>(value);
  };
  return Header{got == 100 && std::memcmp(bytes.data(), "SQLite format 3", 16) == 0, number(68), number(60)};
}

struct Content {
  std::unique_ptr<TableFile> table;
  FileOwner owner;
  FilePosition position;
};

Result<Content> read_file(const StoreFile& file, bool check) {
  auto table = TableFile::open(file, TableFile::Access::write);
  if (!table.ok()) return table.status();
  if (check) {
    if (auto status = (*table)->check(); !status.ok()) return status;
  }
  auto owner = (*table)->owner();
  if (!owner.ok()) return owner.status();
  auto position = (*table)->position();
  if (!position.ok()) return position.status();
  return Content{*std::move(table), *std::move(owner), *std::move(position)};
}

/// Empty, or why the owner is another.
std::string foreign(const StoreFile& file, const FileOwner& owner) {
  const auto differs = [](const char* what, const std::string& found, const std::string& wanted) {
    return found == wanted ? std::string{} : std::string("belongs to ") + what + ' ' + quoted(found) + ", not " + quoted(wanted);
  };
  if (auto why = differs("application", owner.application, file.application); !why.empty()) return why;
  if (auto why = differs("store", owner.store, file.store); !why.empty()) return why;
  return differs("partition", std::to_string(owner.partition), std::to_string(file.partition));
}

bool differ(const std::string& found, const std::string& wanted) { return found != wanted && !found.empty() && !wanted.empty(); }

/// Ok, or which type changed and what can be done about it.
Status check_types(const StoreFile& file, const FileOwner& owner, bool upgrades) {
  const auto changed = [&](const char* what, const std::string& found, const std::string& wanted, const std::string& way_out) {
    return refused(file, "file " + file.path + " was written with " + what + " of type " + quoted(found) + ", now they are " +
                             quoted(wanted) + ": " + way_out +
                             "give the store a new name, go back to the old type, or reset the application");
  };
  if (differ(owner.key_schema, file.key_schema)) return changed("keys", owner.key_schema, file.key_schema, "");
  if (differ(owner.value_schema, file.value_schema) && !upgrades)
    return changed("values", owner.value_schema, file.value_schema, "give their klamm::serde an upgrade(old_schema, bytes, slot), ");
  return {};
}

/// Empty, or why the changelog can't continue what the file has.
std::string off_the_changelog(const StoreFile& file, std::int64_t position) {
  const std::string at = "is as of changelog offset " + std::to_string(position);
  if (position > file.changelog_end) return at + ", ahead of its end " + std::to_string(file.changelog_end);
  if (position < file.changelog_begin) return at + ", before its begin " + std::to_string(file.changelog_begin);
  return {};
}

}  // namespace

Result<FoundFile> open_file(const StoreFile& file, const Upgrade& upgrade) {
  std::error_code error;
  const auto size = fs::file_size(file.path, error);
  if (error) {
    if (fs::exists(fs::symlink_status(file.path))) return refused(file, file.path + " is not a file that can be read: " + error.message());
    return begin_anew(file, Opened::How::fresh, "no file " + file.path + " yet");
  }
  auto header = read_header(file);
  if (!header.ok()) return header.status();
  if (!header->sqlite) return rebuild(file, "damaged: it does not begin as SQLite's files do");
  if (header->application_id != TableFile::application_id) return set_aside(file, "a database of another program");
  if (header->user_version > TableFile::format_version) {
    return refused(file, "file " + file.path + " has format " + std::to_string(header->user_version) +
                             ", written by a newer klamm (this one knows formats up to " + std::to_string(TableFile::format_version) +
                             "): run the newer one, or remove the file: all is restored from the changelog");
  }
  if (header->user_version != TableFile::format_version) {
    return rebuild(
        file, "has format " + std::to_string(header->user_version) + ", this klamm writes " + std::to_string(TableFile::format_version));
  }

  // SQLite removes the WAL when the last connection closes in order.
  const bool crashed = fs::exists(file.path + "-wal", error);
  auto found = read_file(file, crashed || size <= always_checked_bytes);
  if (found.status().code() == Code::data_loss) return rebuild(file, "damaged: " + found.status().message());
  if (!found.ok()) return found.status();
  auto& [table, owner, position] = *found;

  if (const auto why = foreign(file, owner); !why.empty()) {
    table.reset();
    return set_aside(file, why);
  }
  if (owner.lineage != file.lineage) {
    table.reset();
    return rebuild(file, owner.lineage.empty() ? "has no lineage, the changelog has " + file.lineage
                                               : "has lineage " + owner.lineage + ", the changelog has " + file.lineage);
  }
  if (auto types = check_types(file, owner, upgrade != nullptr); !types.ok()) return types;
  if (const auto why = off_the_changelog(file, position.changelog); !why.empty()) {
    table.reset();
    return rebuild(file, why);
  }
  std::string reason = "file " + file.path + ": goes on at changelog offset " + std::to_string(position.changelog);
  if (differ(owner.value_schema, file.value_schema)) {
    auto upgraded = table->upgrade_values(owner.value_schema, upgrade);
    if (!upgraded.ok()) return upgraded.status();
    reason += ", " + std::to_string(*upgraded) + " rows upgraded from \"" + owner.value_schema + "\"";
  } else if (auto adopted = table->adopt_types(owner); !adopted.ok()) {
    return adopted;
  }
  return FoundFile{{Opened::How::resumed, std::move(reason)}, std::move(position), std::move(table)};
}

}  // namespace klamm::inline v0::state
