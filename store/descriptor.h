// SPDX-License-Identifier: GPL-2.0-or-later
// An open file descriptor with an owner.
#pragma once

#include <unistd.h>

#include <utility>

namespace nwf::store {

class Descriptor {
 public:
  Descriptor() = default;
  /// Takes over `fd`; a negative one stands for none.
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace nwf::store
