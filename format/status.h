#ifndef TALLYMARK_FORMAT_STATUS_H_
#define TALLYMARK_FORMAT_STATUS_H_

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace tallymark {

// What a caller does next decides the code; the message is for people.
enum class Code : uint8_t {
  kOk = 0,
  kInvalid = 1,      // the caller's input is wrong; repeating it is useless
  kNotFound = 2,     // the thing named does not exist
  kGone = 3,         // it existed and retention took it
  kConflict = 4,     // it clashes with the present state
  kExhausted = 5,    // a named bound was reached; smaller or later may pass
  kUnavailable = 6,  // try again later (overload, disk full, starting, stopping)
  kCorruption = 7,   // bytes on disk do not mean what they must
  kIo = 8,           // the operating system or RocksDB failed
  kInternal = 9,     // a broken promise of our own
};

// The outcome of an operation that can fail in an expected way. Cheap when ok: no allocation.
// Values are immutable and may be copied across threads.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status Ok() { return {}; }
  static Status Invalid(std::string m) { return {Code::kInvalid, std::move(m)}; }
  static Status NotFound(std::string m) { return {Code::kNotFound, std::move(m)}; }
  static Status Gone(std::string m) { return {Code::kGone, std::move(m)}; }
  static Status Conflict(std::string m) { return {Code::kConflict, std::move(m)}; }
  static Status Exhausted(std::string m) { return {Code::kExhausted, std::move(m)}; }
  static Status Unavailable(std::string m) { return {Code::kUnavailable, std::move(m)}; }
  static Status Corruption(std::string m) { return {Code::kCorruption, std::move(m)}; }
  static Status Io(std::string m) { return {Code::kIo, std::move(m)}; }
  static Status Internal(std::string m) { return {Code::kInternal, std::move(m)}; }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same failure with "context: " before its message; an ok status stays ok.
  Status WithContext(const std::string& context) const {
    return ok() ? *this : Status(code_, context + ": " + message_);
  }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

// Either a value or the Status that says why there is none. Never holds an ok Status without a
// value: constructing one from an ok Status is our bug and aborts.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    if (status_.ok()) std::abort();
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_STATUS_H_
