#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <klamm/status.hpp>
#include <memory>
#include <string>

namespace example {

/// Reads a text file line by line. A line ends with `\n`; the last one needs none.
class TextFile {
 public:
  static klamm::Result<TextFile> open(const std::string& path) {
    TextFile text;
    text.name_ = "file \"" + path + "\"";
    const std::unique_ptr<char, decltype(&std::free)> real{::realpath(path.c_str(), nullptr), &std::free};
    if (real == nullptr) return text.problem(klamm::Code::not_found, std::strerror(errno));
    text.real_path_ = real.get();
    text.file_.reset(std::fopen(path.c_str(), "rb"));
    if (text.file_ == nullptr) return text.problem(klamm::Code::failed_precondition, std::string{"can't be read: "} + std::strerror(errno));
    struct stat known {};
    if (::fstat(::fileno(text.file_.get()), &known) != 0 || !S_ISREG(known.st_mode))
      return text.problem(klamm::Code::failed_precondition, "is no regular file: expected a text");
    text.size_ = known.st_size;
    return text;
  }

  /// Goes on at a byte offset of an earlier read.
  klamm::Status seek(std::int64_t position) {
    if (position > size_) {
      return problem(klamm::Code::failed_precondition,
                     "has " + std::to_string(size_) + " bytes, but " + std::to_string(position) +
                         " were counted before: it was cut short or replaced; give the new text another name, or start with a new --state");
    }
    if (::fseeko(file_.get(), position, SEEK_SET) != 0) return problem(klamm::Code::internal, std::strerror(errno));
    position_ = position;
    return {};
  }

  /// The next line without its end; false at the end of the file, or when `status()` is not ok.
  bool next(std::string& line) {
    const ssize_t read = ::getline(&buffer_.data, &buffer_.size, file_.get());
    if (read < 0) {
      if (std::ferror(file_.get()) != 0) status_ = problem(klamm::Code::internal, std::string{"can't be read: "} + std::strerror(errno));
      return false;
    }
    position_ += read;
    const bool ended = buffer_.data[read - 1] == '\n';
    line.assign(buffer_.data, static_cast<std::size_t>(read - (ended ? 1 : 0)));
    return true;
  }

  /// The byte behind the last line that was read.
  [[nodiscard]] std::int64_t position() const { return position_; }
  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] const std::string& real_path() const { return real_path_; }
  [[nodiscard]] const klamm::Status& status() const { return status_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  /// What getline keeps.
  struct Buffer {
    Buffer() = default;
    Buffer(Buffer&& other) noexcept : data{other.data}, size{other.size} { other.data = nullptr; }
    Buffer& operator=(Buffer&&) = delete;
    ~Buffer() { std::free(data); }
    char* data = nullptr;
    std::size_t size = 0;
  };

  [[nodiscard]] klamm::Status problem(klamm::Code code, const std::string& what) const { return {code, name_ + ": " + what, name_}; }

  std::string name_, real_path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::int64_t position_ = 0, size_ = 0;
  Buffer buffer_;
  klamm::Status status_;
};

}  // namespace example
