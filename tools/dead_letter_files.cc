#include "tools/dead_letter_files.h"

#include <filesystem>
#include <set>
#include <string_view>

#include "tools/input_file.h"

namespace tallymark {

Status ForEachDeadLetter(const std::string& data_dir, const std::function<bool(const DeadLetter&)>& emit,
                         uint64_t* damaged) {
  *damaged = 0;
  std::filesystem::path directory = std::filesystem::path(data_dir) / kDeadLetterDirectory;
  std::error_code error;
  std::set<uint32_t> numbers;
  std::filesystem::directory_iterator entries(directory, error);
  if (error == std::errc::no_such_file_or_directory) return Status::Ok();
  if (error) return Status::Io(directory.string() + ": " + error.message());
  for (const auto& entry : entries) {
    if (auto number = DeadLetterFileNumber(entry.path().filename().string())) numbers.insert(*number);
  }
  for (uint32_t number : numbers) {
    auto file = InputFile::Open((directory / DeadLetterFileName(number)).string());
    if (file.status().code() == Code::kNotFound) continue;  // rotated away meanwhile
    if (!file.ok()) return file.status();
    std::string_view rest = file->bytes();
    while (!rest.empty()) {
      size_t end = rest.find('\n');
      DeadLetter letter;
      if (!DecodeDeadLetter(rest.substr(0, end), &letter).ok()) {
        ++*damaged;
      } else if (!emit(letter)) {
        return Status::Ok();
      }
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
  }
  return Status::Ok();
}

}  // namespace tallymark
