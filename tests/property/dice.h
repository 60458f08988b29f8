// SPDX-License-Identifier: GPL-2.0-or-later
// Chances that come again with the same seed, or are what some bytes say.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace nwf::test {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  /// Each throw takes a byte, or two where one is not enough; behind the last every throw is 0.
  explicit Dice(std::span<const std::uint8_t> bytes) : bytes_(bytes), of_bytes_(true) {}
  /// 0 to n - 1.
  std::size_t below(std::size_t n) {
    if (!of_bytes_) return static_cast<std::size_t>(engine_() % n);
    return n <= 256 ? byte() % n : (byte() << 8U | byte()) % n;
  }
  /// The text of the next bytes, up to `most`.
  std::string text(std::size_t most) {
    std::string out;
    for (std::size_t i = below(most + 1); i > 0; --i) out += static_cast<char>(below(256));
    return out;
  }
  /// True in `percent` of 100 throws.
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + below(choices.size()));
  }
  template <class Container>
  const auto& from(const Container& choices) {
    return choices[below(choices.size())];
  }

 private:
  std::size_t byte() {
    if (bytes_.empty()) return 0;
    const std::size_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }

  std::mt19937_64 engine_;
  std::span<const std::uint8_t> bytes_;
  bool of_bytes_ = false;
};

}  // namespace nwf::test
