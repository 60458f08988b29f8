// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfd/learning.h"

#include <algorithm>

namespace nwf::tools {
namespace {

constexpr std::uint64_t kUsInMs = 1000;
/// What failed is tried again after this.
constexpr std::uint64_t kRetryUs = 1'000'000;
/// More ports than these are read in one go with all others.
constexpr std::size_t kPortsOneByOne = 64;

class Loop final : public LearningLoop {
 public:
  Loop(sd_event* loop, std::unique_ptr<host::Learner> learner, OnError on_error)
      : loop_(loop), learner_(std::move(learner)), on_error_(std::move(on_error)) {}

  Result<void> start() {
    const auto when_idle = [](sd_event_source*, void* self) {
      static_cast<Loop*>(self)->refresh();
      return 0;
    };
    const auto when_due = [](sd_event_source*, std::uint64_t, void* self) {
      static_cast<Loop*>(self)->tick();
      return 0;
    };
    sd_event_source* made = nullptr;
    if (sd_event_add_defer(loop_, &made, when_idle, this) < 0)
      return fail(ErrorKind::Kernel, "cannot put off what can wait");
    refresh_.reset(made);
    sd_event_source_set_enabled(made, SD_EVENT_OFF);
    sd_event_source_set_priority(made, SD_EVENT_PRIORITY_IDLE);
    // The learner's deadlines are on the clock that goes on while the host sleeps.
    if (sd_event_add_time(loop_, &made, CLOCK_BOOTTIME, 0, kUsInMs, when_due, this) < 0)
      return fail(ErrorKind::Kernel, "cannot wait for the ends of leases");
    timer_.reset(made);
    sd_event_source_set_enabled(made, SD_EVENT_OFF);
    follow();
    return {};
  }

  void changed(const std::string& port) override {
    ports_.insert(port);
    put_off();
  }
  void all_changed() override {
    all_ = true;
    put_off();
  }
  void links_changed() override {
    links_ = true;
    put_off();
  }
  host::LearnerFigures figures() const override { return learner_->figures(); }

 private:
  void put_off() { sd_event_source_set_enabled(refresh_.get(), SD_EVENT_ONESHOT); }

  void refresh() {
    if (ports_.size() > kPortsOneByOne) all_ = true;
    const bool all = std::exchange(all_, false), links = std::exchange(links_, false);
    const std::set<std::string> ports = std::exchange(ports_, {});
    Result<void> done;
    if (all)
      done = learner_->refresh();
    else if (links)
      done = learner_->refresh_links();
    if (done && !all && !ports.empty()) done = learner_->refresh(ports);
    if (!done) {
      on_error_(done.error());
      all_again_ = true;
    }
    follow();
  }

  void ready() {
    if (const auto done = learner_->ready(); !done) {
      on_error_(done.error());
      all_again_ = true;  // the capture may have ended
      io_.reset();
    }
    follow();
  }

  void tick() {
    if (std::exchange(all_again_, false)) return all_changed();
    if (const auto done = learner_->tick(); !done) {
      on_error_(done.error());
      all_again_ = true;
    }
    follow();
  }

  /// The learner's descriptor and deadline may be others than before.
  void follow() {
    if (learner_->descriptor() != descriptor_ || io_ == nullptr) {
      io_.reset();
      descriptor_ = learner_->descriptor();
      const auto call = [](sd_event_source*, int, std::uint32_t, void* self) {
        static_cast<Loop*>(self)->ready();
        return 0;
      };
      sd_event_source* made = nullptr;
      if (descriptor_ >= 0 && !all_again_ && sd_event_add_io(loop_, &made, descriptor_, EPOLLIN, call, this) >= 0)
        io_.reset(made);
    }
    std::optional<std::uint64_t> due;
    if (const auto deadline = learner_->next_deadline())
      due = static_cast<std::uint64_t>(std::max<learn::Instant>(*deadline, 0)) * kUsInMs;
    if (all_again_) {
      std::uint64_t now = 0;
      sd_event_now(loop_, CLOCK_BOOTTIME, &now);
      due = now + kRetryUs;
    }
    if (due) sd_event_source_set_time(timer_.get(), *due);
    sd_event_source_set_enabled(timer_.get(), due ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
  }

  sd_event* loop_;
  std::unique_ptr<host::Learner> learner_;
  OnError on_error_;
  rpc::EventSource refresh_, timer_, io_;
  int descriptor_ = -1;
  std::set<std::string> ports_;
  bool all_ = false, links_ = false;
  bool all_again_ = false;  ///< something failed: everything is read anew when the timer says so
};

}  // namespace

Result<std::unique_ptr<LearningLoop>> LearningLoop::open(sd_event* loop, std::unique_ptr<host::Learner> learner,
                                                         OnError on_error) {
  auto made = std::make_unique<Loop>(loop, std::move(learner), std::move(on_error));
  NWF_CHECK(made->start());
  return std::unique_ptr<LearningLoop>(std::move(made));
}

}  // namespace nwf::tools
