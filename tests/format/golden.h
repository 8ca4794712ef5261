#ifndef TALLYMARK_TESTS_FORMAT_GOLDEN_H_
#define TALLYMARK_TESTS_FORMAT_GOLDEN_H_

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

namespace tallymark {

inline std::string ToHex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

inline std::string FromHex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

// The bytes by name of a file in tests/golden: a line each, "name hex"; lines that begin with # say
// what it is. Such a file is what one version wrote and is never rewritten. Empty when unreadable.
inline std::map<std::string, std::string> ReadGolden(const std::string& file) {
  std::map<std::string, std::string> golden;
  std::ifstream in(std::string(TALLYMARK_SOURCE_DIR) + "/tests/golden/" + file);
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string name;
    std::string hex;
    if (words >> name && name[0] != '#' && words >> hex) golden[name] = FromHex(hex);
  }
  return golden;
}

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_FORMAT_GOLDEN_H_
