// Holds LineReader against InfluxData's public corpus, which stands beside the checkout and is
// not part of it.

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "format/line_protocol.h"

namespace tallymark {
namespace {

namespace json = boost::json;

std::string FromBase64(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) continue;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count));
    }
  }
  return out;
}

std::string Bytes(const json::value& text) {
  if (text.is_string()) return std::string(text.as_string());
  return FromBase64(std::string_view(text.at("binary").as_string()));
}

int64_t UnitNs(std::string_view precision) {
  static const std::map<std::string_view, int64_t> kUnits = {
      {"1ns", 1}, {"1\xC2\xB5s", 1'000}, {"1ms", 1'000'000}, {"1s", 1'000'000'000}};
  return kUnits.at(precision);
}

void ExpectField(const json::object& expected, const FieldItem& field) {
  ASSERT_EQ(expected.size(), 1u);
  std::string_view type = expected.begin()->key();
  const json::value& value = expected.begin()->value();
  if (type == "float") {
    ASSERT_EQ(field.value.type, FieldValue::Type::kFloat);
    // The JSON library may be a unit in the last place off where there are many digits.
    EXPECT_DOUBLE_EQ(field.value.as_float, value.to_number<double>());
  } else if (type == "int") {
    ASSERT_EQ(field.value.type, FieldValue::Type::kInt);
    EXPECT_EQ(field.value.as_int, value.to_number<int64_t>());
  } else if (type == "uint") {
    ASSERT_EQ(field.value.type, FieldValue::Type::kUint);
    EXPECT_EQ(field.value.as_uint, value.to_number<uint64_t>());
  } else if (type == "bool") {
    ASSERT_EQ(field.value.type, FieldValue::Type::kBool);
    EXPECT_EQ(field.value.as_bool, value.as_bool());
  } else {
    ASSERT_EQ(field.value.type, FieldValue::Type::kString);
    EXPECT_EQ(field.value.text, Bytes(value));
  }
}

void ExpectPoint(const json::object& expected, Point point, int64_t default_time) {
  EXPECT_EQ(point.name, Bytes(expected.at("name")));
  EXPECT_EQ(point.time_ns.value_or(default_time), expected.at("time").to_number<int64_t>());
  // The corpus sorts tags by key.
  std::sort(point.tags.begin(), point.tags.end(), [](const Tag& a, const Tag& b) { return a.key < b.key; });
  const json::array& tags = expected.at("tags").as_array();
  ASSERT_EQ(point.tags.size(), tags.size());
  for (size_t i = 0; i < tags.size(); ++i) {
    EXPECT_EQ(point.tags[i].key, Bytes(tags[i].at("key")));
    EXPECT_EQ(point.tags[i].value, Bytes(tags[i].at("value")));
  }
  const json::array& fields = expected.at("fields").as_array();
  ASSERT_EQ(point.fields.size(), fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    EXPECT_EQ(point.fields[i].key, Bytes(fields[i].at("key")));
    ExpectField(fields[i].at("value").as_object(), point.fields[i]);
  }
}

void RunCase(const json::object& input, const json::object& output) {
  std::string text = Bytes(input.at("text"));
  int64_t unit_ns = UnitNs(std::string_view(input.at("precision").as_string()));
  // A point without a time gets the default time cut to the precision.
  int64_t default_time = input.at("defaultTime").to_number<int64_t>() / unit_ns * unit_ns;
  LineReader reader(text, {.unit_ns = unit_ns});
  std::vector<Point> points;
  Point point;
  LineError error;
  LineReader::Outcome outcome = reader.Next(&point, &error);
  for (; outcome == LineReader::Outcome::kPoint; outcome = reader.Next(&point, &error))
    points.push_back(point);
  if (output.contains("error")) {
    EXPECT_EQ(outcome, LineReader::Outcome::kError) << "accepted, though: " << output.at("error");
    return;
  }
  ASSERT_EQ(outcome, LineReader::Outcome::kEnd) << error.line << ":" << error.column << " " << error.reason;
  const json::array& expected = output.at("result").as_array();
  ASSERT_EQ(points.size(), expected.size());
  for (size_t i = 0; i < points.size(); ++i) ExpectPoint(expected[i].as_object(), points[i], default_time);
}

TEST(LineProtocolCorpusTest, EveryDecodeCaseAgrees) {
  std::filesystem::path path =
      std::filesystem::path(TALLYMARK_SOURCE_DIR) / "../shared/data/lineprotocol/corpus.json";
  std::ifstream file(path, std::ios::binary);
  if (!file) GTEST_SKIP() << "no corpus beside the checkout (../shared/data/lineprotocol/corpus.json)";
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  json::value corpus = json::parse(bytes);
  const json::object& cases = corpus.at("decode").as_object();
  EXPECT_EQ(cases.size(), 6615u);
  for (const auto& item : cases) {
    SCOPED_TRACE(std::string(item.key()) + " " + Bytes(item.value().at("input").at("text")).substr(0, 200));
    RunCase(item.value().at("input").as_object(), item.value().at("output").as_object());
  }
}

}  // namespace
}  // namespace tallymark
