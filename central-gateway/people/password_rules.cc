#include "central-gateway/people/password_rules.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <vector>

#include "central-gateway/people/common_passwords.h"
#include "shared/base/bytes.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kNameLengthMin = 3;  // A shorter name is part of most passwords by chance.
constexpr std::size_t kRunLengthMin = 3;

bool IsLowerLetter(char c) { return c >= 'a' && c <= 'z'; }

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// C0, DEL, and C1 (U+0080 to U+009F: bytes C2 80 to C2 9F).
bool HasControlCharacter(std::string_view text) {
  unsigned char before = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (before == 0xC2 && byte < 0xA0)) return true;
    before = byte;
  }
  return false;
}

bool IsListed(const std::string& password) {
  static const std::unordered_set<std::string_view> kListed(CommonPasswords().begin(),
                                                            CommonPasswords().end());
  return kListed.contains(password);
}

// One thing over and over, where that thing alone would be too short.
bool IsRepeated(std::string_view text) {
  const std::size_t unit_max = std::min(text.size() / 2, kPasswordLengthMin - 1);
  for (std::size_t unit = 1; unit <= unit_max; ++unit) {
    if (text.substr(unit) == text.substr(0, text.size() - unit)) return true;
  }
  return false;
}

// -1, 1: `b` stands beside `a` in an alphabet or a row of keys; 0: it is `a` again; 2: none of
// these.
int StepOf(char a, char b) {
  static constexpr std::array<std::string_view, 6> kRows = {
      "abcdefghijklmnopqrstuvwxyz",          "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm",
      "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p"};
  if (a == b) return 0;
  for (const std::string_view row : kRows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      if (row[i] == a && row[i + 1] == b) return 1;
      if (row[i] == b && row[i + 1] == a) return -1;
    }
  }
  return 2;
}

// Nothing but runs: 111222333444, abcd87654321, qwertyuiop123.
bool IsMadeOfRuns(std::string_view text) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = begin + 1;
    const int step = end < text.size() ? StepOf(text[begin], text[end]) : 2;
    while (step != 2 && end < text.size() && StepOf(text[end - 1], text[end]) == step) ++end;
    if (end - begin < kRunLengthMin) return false;
    begin = end;
  }
  return true;
}

char LetterFor(char c) {
  switch (c) {
    case '0':
      return 'o';
    case '1':
    case '!':
      return 'i';
    case '3':
      return 'e';
    case '4':
    case '@':
      return 'a';
    case '5':
    case '$':
      return 's';
    case '7':
      return 't';
    default:
      return c;
  }
}

// Whether `letters` is common words, one after the other, and so few that they are soon tried. A
// sentence of more may well be a good password.
bool IsMadeOfWords(std::string_view letters) {
  constexpr int kWordCountMax = 3;
  std::vector<int> words_to(letters.size() + 1, kWordCountMax + 1);  // The fewest up to there.
  words_to[0] = 0;
  for (std::size_t begin = 0; begin < letters.size(); ++begin) {
    if (words_to[begin] >= kWordCountMax) continue;
    for (const std::string_view word : CommonPasswordWords()) {
      if (!letters.substr(begin).starts_with(word)) continue;
      int& fewest = words_to[begin + word.size()];
      fewest = std::min(fewest, words_to[begin] + 1);
    }
  }
  return words_to.back() <= kWordCountMax;
}

// Common words with the usual dress: digits and signs around or between them, and signs in the
// place of letters (P@ssw0rd-2026!).
bool IsDressedWord(std::string_view text) {
  const auto is_dress = [](char c) { return !IsLowerLetter(c) && (c & 0x80) == 0; };
  std::string_view core = text;
  while (!core.empty() && is_dress(core.front())) core.remove_prefix(1);
  while (!core.empty() && is_dress(core.back())) core.remove_suffix(1);
  std::string plain, read;
  for (const char c : core) {
    if (!is_dress(c)) plain += c;
    if (const char letter = LetterFor(c); !is_dress(letter)) read += letter;
  }
  return !plain.empty() && (IsMadeOfWords(plain) || IsMadeOfWords(read));
}

Status Broken(const std::string& rule) { return Fail(ErrorCode::kFieldInvalid, rule); }

}  // namespace

Status CheckPassword(std::string_view user, std::string_view password) {
  if (password.size() > kPasswordBytesMax) return Broken("the password has more than 1024 bytes");
  if (!IsUtf8(password)) return Broken("the password is not UTF-8");
  if (HasControlCharacter(password)) return Broken("the password has a control character");
  if (CountCharacters(password) < kPasswordLengthMin) {
    return Broken("the password has fewer than 12 characters");
  }
  const std::string lower = AsciiLower(password);
  if (user.size() >= kNameLengthMin && lower.find(AsciiLower(user)) != std::string::npos) {
    return Broken("the password has the user's name in it");
  }
  if (IsRepeated(lower) || IsMadeOfRuns(lower)) {
    return Broken("the password is a repetition or a run of neighbouring keys");
  }
  if (IsListed(lower) || IsDressedWord(lower)) {
    return Broken("the password is one that is tried first: choose less common words");
  }
  return Ok();
}

std::string MakeFirstPassword(Random& random) {
  constexpr std::string_view kConsonants = "bdfghjklmnprstvz";  // 4 bits.
  constexpr std::string_view kVowels = "aiou";                  // 2 bits.
  constexpr int kWordCount = 5;                                 // Of 16 bits each.
  std::string text;
  for (int word = 0; word < kWordCount; ++word) {
    if (word > 0) text += '-';
    const std::uint64_t bits = random.Below(1 << 16);
    text += kConsonants[(bits >> 12) & 15];
    text += kVowels[(bits >> 10) & 3];
    text += kConsonants[(bits >> 6) & 15];
    text += kVowels[(bits >> 4) & 3];
    text += kConsonants[bits & 15];
  }
  return text;
}

}  // namespace edcsync::central
