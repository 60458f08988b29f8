// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/libvirt_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "xml/write.h"

namespace nwf::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// As libvirt 9.0 (Debian 9.0.0-4+deb12u2) wrote it for `virsh nwfilter-binding-create`.
constexpr const char* kStatus = R"(<!--
WARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE
OVERWRITTEN AND LOST. Changes to this xml configuration should be made using:
  virsh nwfilter-binding-create vnet1
or other application using the libvirt API.
-->

<filterbindingstatus>
  <filterbinding>
    <owner>
      <name>g1</name>
      <uuid>00000000-0000-4000-8000-000000000001</uuid>
    </owner>
    <portdev name='vnet1'/>
    <mac address='52:54:00:00:00:01'/>
    <filterref filter='web'>
      <parameter name='IP' value='192.0.2.1'/>
      <parameter name='IP' value='192.0.2.11'/>
      <parameter name='MAC' value='52:54:00:00:00:01'/>
    </filterref>
  </filterbinding>
</filterbindingstatus>
)";
constexpr const char* kFilter = R"(<!--
WARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE
OVERWRITTEN AND LOST. Changes to this xml configuration should be made using:
  virsh nwfilter-edit web
or other application using the libvirt API.
-->

<filter name='web' chain='root'>
  <uuid>8d9a5f10-6a1c-4c1e-9c55-0d6f6a1b2c3d</uuid>
  <filterref filter='clean-traffic'/>
  <rule action='accept' direction='in' priority='100'>
    <tcp dstportstart='80'/>
  </rule>
</filter>
)";
// The parts that matter of what it keeps of a running guest, to which it adds aliases and addresses.
constexpr const char* kGuest = R"(<domstatus state='running' reason='booted' pid='7'>
  <monitor path='/var/lib/libvirt/qemu/domain-1-g1/monitor.sock' type='unix'/>
  <domain type='qemu' id='1'>
    <name>g1</name>
    <uuid>00000000-0000-4000-8000-000000000001</uuid>
    <devices>
      <interface type='bridge'>
        <mac address='52:54:00:00:00:01'/>
        <source bridge='br0'/>
        <target dev='vnet1'/>
        <filterref filter='web'/>
      </interface>
      <interface type='bridge'>
        <mac address='52:54:00:00:00:02'/>
        <source bridge='br0'/>
        <target dev='vnet2'/>
        <model type='virtio'/>
        <filterref filter='clean-traffic'>
          <parameter name='IP' value='192.0.2.2'/>
        </filterref>
        <alias name='net1'/>
        <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
      </interface>
      <interface type='bridge'>
        <mac address='52:54:00:00:00:03'/>
        <target dev='vnet3'/>
      </interface>
    </devices>
  </domain>
</domstatus>
)";

class LibvirtHost : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "nwf-libvirt-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::filesystem::path root_;
};

TEST_F(LibvirtHost, WithoutLibvirtHasNothing) {
  const auto files = read_libvirt_files(root_.string());
  ASSERT_TRUE(files);
  EXPECT_TRUE(files->filters.empty());
  EXPECT_TRUE(files->bindings.empty());
}

TEST_F(LibvirtHost, StatusFilesOfALibvirt90) {
  write("etc/libvirt/nwfilter/web.xml", kFilter);
  write("etc/libvirt/nwfilter/notes.txt", "not this");
  write("run/libvirt/nwfilter-binding/vnet1.xml", kStatus);
  write("etc/libvirt/qemu/networks/default.xml", "<network/>");
  const auto files = read_libvirt_files(root_.string() + "/");
  ASSERT_TRUE(files) << describe_all(files.error());
  ASSERT_EQ(files->filters.size(), 1U);
  EXPECT_EQ(files->filters[0].filter->name, "web");
  EXPECT_EQ(files->filters[0].filter->uuid->text(), "8d9a5f10-6a1c-4c1e-9c55-0d6f6a1b2c3d");
  ASSERT_EQ(files->bindings.size(), 1U);
  const Binding& binding = files->bindings[0].binding;
  EXPECT_EQ(binding.port.text(), "vnet1");
  EXPECT_EQ(binding.owner.name, "g1");
  EXPECT_EQ(binding.variables, (Variables{{"IP", {"192.0.2.1", "192.0.2.11"}}}))
      << "the MAC that libvirt repeats is the binding's own";
  EXPECT_EQ(binding.source.line, 9) << "where it is in libvirt's file";
  EXPECT_THAT(files->networks, ElementsAre("default"));
}

TEST_F(LibvirtHost, AFilterWithoutItsUuidKeepsItsPlaces) {
  write("etc/libvirt/nwfilter/web.xml", kFilter);
  const auto files = read_libvirt_files(root_.string());
  ASSERT_TRUE(files);
  const Document without = files->filters[0].without_uuid();
  EXPECT_EQ(without.text.size(), std::string(kFilter).size());
  EXPECT_EQ(without.text.find("uuid"), std::string::npos);
  EXPECT_EQ(without.text.find("<rule"), std::string(kFilter).find("<rule"));
}

TEST_F(LibvirtHost, AGuestsInterfaceWithoutABindingIsOne) {
  write("run/libvirt/qemu/g1.xml", kGuest);
  const auto files = read_libvirt_files(root_.string());
  ASSERT_TRUE(files) << describe_all(files.error());
  ASSERT_EQ(files->bindings.size(), 2U);
  EXPECT_EQ(files->bindings[0].binding.port.text(), "vnet1");
  EXPECT_EQ(files->bindings[1].binding.port.text(), "vnet2");
  EXPECT_EQ(files->bindings[1].binding.owner.name, "g1");
  const std::string& text = files->bindings[1].document.text;
  EXPECT_EQ(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find('<')), '\n'), 12)
      << "at the interface's line, the 13th";
}

TEST_F(LibvirtHost, TheBindingDecidesOverTheGuest) {
  std::string guest = kGuest;
  guest.replace(guest.find("filter='web'"), 12, "filter='old'");
  write("run/libvirt/qemu/g1.xml", guest);
  write("run/libvirt/nwfilter-binding/vnet1.xml", kStatus);
  const auto files = read_libvirt_files(root_.string());
  ASSERT_TRUE(files);
  ASSERT_EQ(files->bindings.size(), 2U);
  EXPECT_EQ(files->bindings[0].binding.filter, "web");
  ASSERT_EQ(files->warnings.size(), 1U);
  EXPECT_THAT(files->warnings[0], HasSubstr("g1.xml:7:7: guest g1 says filter old"));
}

TEST_F(LibvirtHost, AllMistakesAreToldWithTheirPlaces) {
  std::string filter = kFilter, status = kStatus;
  filter.replace(filter.find("accept"), 6, "acept!");
  status.replace(status.find("52:54:00:00:00:01"), 17, "52:54:00:00:00:xx");
  write("etc/libvirt/nwfilter/web.xml", filter);
  write("run/libvirt/nwfilter-binding/vnet1.xml", status);
  write("run/libvirt/qemu/g1.xml", "<domain><name>");
  const auto files = read_libvirt_files(root_.string());
  ASSERT_FALSE(files);
  const std::string told = describe_all(files.error());
  EXPECT_THAT(told, HasSubstr("web.xml:11:3: "));
  EXPECT_THAT(told, HasSubstr("vnet1.xml:15:5: "));
  EXPECT_THAT(told, HasSubstr("g1.xml:1:"));
}

}  // namespace
}  // namespace nwf::host
