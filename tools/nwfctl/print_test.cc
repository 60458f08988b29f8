// SPDX-License-Identifier: GPL-2.0-or-later
// Every verb's text and JSON, whole.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tools/nwfctl/fake_service_for_tests.h"
#include "tools/nwfctl/table.h"

namespace nwf::tools {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

constexpr const char* kFilter = "<filter name='clean'/>";
constexpr const char* kUuidC = "63636363-6363-6363-6363-636363636363";

class Print : public ::testing::Test {
 protected:
  void SetUp() override {
    tool.service.filters = {{"clean", kFilter}, {"used", "<filter name='used'/>"}};
    tool.service.bindings = {{"vnet0", {"vnet0", "clean", false}}, {"vnet1", {"vnet1", "used", true}}};
  }
  // Runs with and without --json. The JSON is compared as one value with its keys in order.
  void expect(std::vector<std::string> words, const std::string& out, const std::string& err, const std::string& json) {
    const Ran text = tool(words);
    EXPECT_EQ(text.out, out);
    EXPECT_EQ(text.err, err);
    EXPECT_EQ(text.code, 0);
    words.push_back("--json");
    const Ran as_json = tool(words);
    EXPECT_EQ(as_json.err, "");
    EXPECT_EQ(as_json.code, 0);
    EXPECT_EQ(Json::parse(as_json.out).dump(), Json::parse(json).dump());
  }
  Tool tool;
};

TEST_F(Print, FilterDefine) {
  tool.input = kFilter;
  tool.service.warnings = {"-:1:1: rule 1 never matches"};
  tool.service.ports = 2;
  expect({"filter", "define", "-"}, "Network filter clean defined from -\n",
         "warning: -:1:1: rule 1 never matches\nchanged on 2 ports\n",
         R"({"defined": [{"file": "-", "name": "clean", "uuid": "63636363-6363-6363-6363-636363636363",
             "replaced": true, "ports": 2, "warnings": ["-:1:1: rule 1 never matches"]}]})");
}

TEST_F(Print, FilterUndefine) {
  const Ran text = tool({"filter", "undefine", "clean"});
  EXPECT_EQ(text.out, "Network filter clean undefined\n");
  tool.service.filters["clean"] = kFilter;
  const Ran json = tool({"--json", "filter", "undefine", "clean"});
  EXPECT_EQ(Json::parse(json.out).dump(),
            R"({"undefined":{"name":"clean","uuid":"63636363-6363-6363-6363-636363636363"}})");
}

TEST_F(Print, FilterDumpxml) {
  expect({"filter", "dumpxml", "clean"}, "<filter name='clean'/>\n", "", R"({"xml": "<filter name='clean'/>"})");
}

TEST_F(Print, FilterListIsSorted) {
  expect({"filter", "list"},
         " UUID                                   Name\n"
         "-----------------------------------------------\n"
         " 63636363-6363-6363-6363-636363636363   clean\n"
         " 75757575-7575-7575-7575-757575757575   used\n"
         "\n",
         "", R"({"filters": [{"name": "clean", "uuid": "63636363-6363-6363-6363-636363636363"},
                             {"name": "used", "uuid": "75757575-7575-7575-7575-757575757575"}]})");
}

TEST_F(Print, EmptyLists) {
  tool.service.filters.clear();
  tool.service.bindings.clear();
  expect({"filter", "list"}, " UUID   Name\n--------------\n\n", "", R"({"filters": []})");
  expect({"binding", "list"}, " Port Dev   Filter\n--------------------\n\n", "", R"({"bindings": []})");
}

TEST_F(Print, FilterValidate) {
  tool.input = kFilter;
  tool.service.warnings = {"w"};
  expect({"filter", "validate", "-"}, "- is valid\n", "warning: w\n", R"({"valid": {"file": "-", "warnings": ["w"]}})");
}

TEST_F(Print, FilterEdit) {
  tool.environment = {{"EDITOR", "true"}};
  expect({"filter", "edit", "clean"}, "Network filter clean XML configuration not changed.\n", "",
         R"({"edited": {"name": "clean", "changed": false}})");
  tool.environment = {{"EDITOR", "sed -i s,/>,></filter>,"}};
  tool.service.ports = 1;
  const Ran text = tool({"filter", "edit", "clean"});
  EXPECT_EQ(text.out, "Network filter clean XML configuration edited.\n");
  EXPECT_EQ(text.err, "changed on 1 port\n");
  tool.service.filters["clean"] = kFilter;
  const Ran json = tool({"filter", "edit", "clean", "--json"});
  EXPECT_EQ(Json::parse(json.out).dump(), std::string(R"({"edited":{"name":"clean","changed":true,"uuid":")") + kUuidC +
                                              R"(","replaced":true,"ports":1,"warnings":[]}})");
}

TEST_F(Print, BindingCreate) {
  tool.input = "<filterbinding/>";
  tool.service.warnings = {"w"};
  expect({"binding", "create", "-"}, "Network filter binding on vnet0 created from -\n",
         "warning: w\nnote: there is no interface vnet0 now; its rules are in force from its first frame\n",
         R"({"created": {"file": "-", "port": "vnet0", "filter": "clean", "waiting": true, "warnings": ["w"]}})");
}

TEST_F(Print, BindingDelete) {
  expect({"binding", "delete", "vnet0"}, "Network filter binding on vnet0 deleted\n", "",
         R"({"deleted": {"port": "vnet0", "filter": "clean", "waiting": false}})");
}

TEST_F(Print, BindingDumpxml) {
  expect({"binding", "dumpxml", "vnet0"}, "<filterbinding/>\n", "", R"({"xml": "<filterbinding/>"})");
}

TEST_F(Print, BindingListIsSorted) {
  expect({"binding", "list"},
         " Port Dev   Filter\n"
         "--------------------\n"
         " vnet0      clean\n"
         " vnet1      used\n"
         "\n",
         "", R"({"bindings": [{"port": "vnet0", "filter": "clean", "waiting": false},
                              {"port": "vnet1", "filter": "used", "waiting": true}]})");
}

TEST_F(Print, BindingSet) {
  expect({"binding", "set", "vnet0", "IP=10.0.0.1,10.0.0.2"}, "Network filter binding on vnet0 updated\n", "",
         R"({"updated": {"port": "vnet0", "filter": "clean", "waiting": false, "warnings": []}})");
}

TEST_F(Print, Learned) {
  tool.service.learned = {{"vnet0", "IP", "192.0.2.1", "dhcp", "192.0.2.254", 90, 3600},
                          {"vnet0", "IPV6_PREFIX", "2001:db8::/56", "manual", "", 5, std::nullopt}};
  const std::string addresses = R"([{"port": "vnet0", "variable": "IP", "address": "192.0.2.1", "source": "dhcp",
      "server": "192.0.2.254", "age_seconds": 90, "lease_seconds": 3600},
     {"port": "vnet0", "variable": "IPV6_PREFIX", "address": "2001:db8::/56", "source": "manual", "server": "",
      "age_seconds": 5, "lease_seconds": null}])";
  expect({"learned", "list"},
         " Port Dev   Variable      Address         Source   Server        Age      Lease ends\n"
         "--------------------------------------------------------------------------------------\n"
         " vnet0      IP            192.0.2.1       dhcp     192.0.2.254   1m 30s   in 1h 0m\n"
         " vnet0      IPV6_PREFIX   2001:db8::/56   manual                 5s       never\n"
         "\n",
         "", R"({"learned": )" + addresses + "}");
  expect({"learned", "forget", "vnet0"}, "Port vnet0 has forgotten 192.0.2.1\nPort vnet0 has forgotten 2001:db8::/56\n",
         "", R"({"forgotten": {"port": "vnet0", "addresses": )" + addresses + "}}");
  expect({"learned", "set", "vnet0", "192.0.2.1"}, "Port vnet0 has 192.0.2.1\nPort vnet0 has 2001:db8::/56\n", "",
         R"({"given": {"port": "vnet0", "addresses": )" + addresses + "}}");
}

TEST_F(Print, BindingRules) {
  tool.service.rules = {
      .port = "vnet0",
      .filter = "clean",
      .program = "p_1234",
      .why = {"$X[1] in rule 2 of clean is a number"},
      .rules = {{Layer::Inet, Direction::In, "p_1234_inet_in", "tcp dport 22 accept", "clean rule 3 line 9"},
                {Layer::Ethernet, Direction::Out, "p_1234_out", "ether saddr . iifname != @port_mac drop",
                 "clean rule 1 line 2"},
                {Layer::Ethernet, Direction::Out, "p_1234_out", "drop", "clean rule 2 line 5"}},
      .values = {{"port_mac", {"52:54:00:00:00:01"}}, {"port_ip4", {"10.0.0.1", "10.0.0.2"}}},
  };
  expect({"binding", "rules", "vnet0"},
         "vnet0: filter clean, program p_1234\n"
         "\n"
         "Ethernet layer, out (from the guest)\n"
         " Chain        Rule                                      Origin\n"
         "-----------------------------------------------------------------------------\n"
         " p_1234_out   ether saddr . iifname != @port_mac drop   clean rule 1 line 2\n"
         " p_1234_out   drop                                      clean rule 2 line 5\n"
         "\n"
         "Inet layer, in (to the guest)\n"
         " Chain            Rule                  Origin\n"
         "-------------------------------------------------------------\n"
         " p_1234_inet_in   tcp dport 22 accept   clean rule 3 line 9\n"
         "\n"
         "Values\n"
         " Set        Values\n"
         "--------------------------------\n"
         " port_mac   52:54:00:00:00:01\n"
         " port_ip4   10.0.0.1, 10.0.0.2\n"
         "\n"
         "why: $X[1] in rule 2 of clean is a number\n",
         "",
         R"({"port": "vnet0", "filter": "clean", "program": "p_1234", "why": ["$X[1] in rule 2 of clean is a number"],
             "rules": [{"layer": "inet", "direction": "in", "chain": "p_1234_inet_in", "rule": "tcp dport 22 accept",
                        "origin": "clean rule 3 line 9"},
                       {"layer": "ethernet", "direction": "out", "chain": "p_1234_out", 
                        "rule": "ether saddr . iifname != @port_mac drop", "origin": "clean rule 1 line 2"},
                       {"layer": "ethernet", "direction": "out", "chain": "p_1234_out", "rule": "drop",
                        "origin": "clean rule 2 line 5"}],
             "values": [{"set": "port_mac", "values": ["52:54:00:00:00:01"]},
                        {"set": "port_ip4", "values": ["10.0.0.1", "10.0.0.2"]}]})");
}

TEST_F(Print, Status) {
  host::Status& all = tool.service.all;
  all.filters = 2;
  all.bindings = {{"vnet1", "used", true}, {"vnet0", "clean", false}};
  all.programs = {{"p_2", "used", 7, 1}, {"p_1", "clean", 12, 1}};
  all.capabilities = {Probe::No, Probe::Yes, Probe::Yes, Probe::Unknown, Probe::Yes};
  all.connection_state = "mark";
  all.reject = "native";
  const std::string head =
      "Filters:           2\n"
      "Bindings:          2\n"
      "Backend:           nftables\n"
      "Connection state:  mark\n"
      "Reject:            native\n"
      "\n"
      "This kernel\n"
      "  bridge conntrack:  no\n"
      "  bridge reject:     yes\n"
      "  br_netfilter IPv4: yes\n"
      "  br_netfilter IPv6: unknown\n"
      "  interface kind:    yes\n"
      "\n"
      " Port Dev   Filter   State\n"
      "------------------------------\n"
      " vnet0      clean    active\n"
      " vnet1      used     waiting\n"
      "\n"
      " Program   Filter   Rules   Ports\n"
      "-----------------------------------\n"
      " p_1       clean    12      1\n"
      " p_2       used     7       1\n"
      "\n";
  const std::string rest =
      R"("filters": 2,
         "bindings": [{"port": "vnet0", "filter": "clean", "waiting": false},
                      {"port": "vnet1", "filter": "used", "waiting": true}],
         "programs": [{"name": "p_1", "filter": "clean", "rules": 12, "ports": 1},
                      {"name": "p_2", "filter": "used", "rules": 7, "ports": 1}],
         "backend": "nftables", "connection_state": "mark", "reject": "native",
         "capabilities": {"bridge_conntrack": "no", "bridge_reject": "yes", "bridge_netfilter4": "yes",
                          "bridge_netfilter6": "unknown", "interface_kind": "yes"}})";
  expect({"status"}, "Root:              /\nIn sync:           yes\n" + head, "",
         R"({"root": "/", "in_sync": true, "differences": [], )" + rest);
  all.root = "/srv/nwf";
  all.in_sync = false;
  all.differences = {"chain p_1 is missing"};
  expect({"status"},
         "Root:              /srv/nwf\nIn sync:           no\n" + head +
             "Differences\n  chain p_1 is missing\n\nRun `nwfctl reconcile` to mend them.\n",
         "", R"({"root": "/srv/nwf", "in_sync": false, "differences": ["chain p_1 is missing"], )" + rest);
}

TEST_F(Print, Apply) {
  tool.service.applied = {
      {{FakeService::summary("clean"), host::Deed::New}, {FakeService::summary("used"), host::Deed::Same}},
      {{{"vnet0", "clean", true}, host::Deed::Changed}},
      1,
      {"w"}};
  const auto directory = std::filesystem::temp_directory_path() / fmt::format("nwf-print-{}", ::getpid());
  std::filesystem::create_directories(directory / "below");
  std::ofstream(directory / "below" / "b.xml") << "<filter name='b'/>";
  std::ofstream(directory / "a.xml") << "<filter name='a'/>";
  std::ofstream(directory / ".a.xml.swp") << "not this";
  std::ofstream(directory / "notes.txt") << "nor this";
  expect({"apply", directory.string()},
         "Filters:   1 new, 1 unchanged\nBindings:  1 changed\n1 port that was bound before got other rules\n",
         "warning: w\n",
         R"({"applied": {"filters": [{"name": "clean", "uuid": "63636363-6363-6363-6363-636363636363", "deed": "new"},
              {"name": "used", "uuid": "75757575-7575-7575-7575-757575757575", "deed": "unchanged"}],
              "bindings": [{"port": "vnet0", "filter": "clean", "waiting": true, "deed": "changed"}], "ports": 1,
              "warnings": ["w"]}})");
  ASSERT_EQ(tool.service.documents.size(), 2U);
  EXPECT_EQ(tool.service.documents[0].file, (directory / "a.xml").string());
  EXPECT_EQ(tool.service.documents[1].text, "<filter name='b'/>");
  std::filesystem::remove_all(directory);
  const Ran nothing = tool({"apply", directory.string()});
  EXPECT_EQ(nothing.code, 1);
}

TEST_F(Print, Plan) {
  tool.service.planned = {{}, {}, {}, {}, {}};
  expect({"plan"}, "Nothing would change\n", "",
         R"({"planned": {"filters": [], "bindings": [], "changes": [], "nft": [], "warnings": []}})");
  tool.service.planned.bindings = {{{"vnet0", "clean", true}, host::Deed::New}};
  tool.service.planned.changes = {"add 1 element to bridge ports.clean"};
  tool.service.planned.nft = {"add element bridge nwf ports.clean { \"vnet0\" }"};
  tool.input = "<filterbinding/>";
  const Ran text = tool({"plan", "-"});
  EXPECT_EQ(text.code, 10) << "a plan of something";
  EXPECT_EQ(text.out,
            "port vnet0: new binding to clean\nIn the kernel\n  add 1 element to bridge ports.clean\nAs commands of "
            "nft\n  add element bridge nwf ports.clean { \"vnet0\" }\n");
}

TEST_F(Print, ImportIsAPlanAndUndoGoesBack) {
  const auto directory = std::filesystem::temp_directory_path() / fmt::format("nwf-import-{}", ::getpid());
  const auto put = [&](const std::string& file, const std::string& text) {
    std::filesystem::create_directories((directory / file).parent_path());
    std::ofstream(directory / file) << text;
  };
  put("etc/libvirt/nwfilter/clean.xml",
      "<filter name='clean'><uuid>00000000-0000-4000-8000-000000000001</uuid></filter>");
  put("run/libvirt/nwfilter-binding/none0.xml",
      "<filterbindingstatus><filterbinding><owner><name>alpha</name></owner><portdev name='none0'/>"
      "<mac address='52:54:00:00:00:01'/><filterref filter='clean'/></filterbinding></filterbindingstatus>");
  put("etc/libvirt/qemu/networks/default.xml", "");
  put("etc/nwf/imported/libvirt.json", R"({"version": 1, "filters": {"gone": {"before": "<filter name='gone'/>",
      "imported": "x"}}, "bindings": {}, "place": "", "chains": []})");
  tool.service.planned = {{{FakeService::summary("clean"), host::Deed::Changed}},
                          {{{"none0", "clean", true}, host::Deed::New}},
                          {"add 1 element to bridge ports.clean"},
                          {"nft"},
                          {"w"}};
  const std::vector<std::string> where{"--root", directory.string(), "--libvirt-root", directory.string()};
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.end(), where.begin(), where.end());
    return tool(words);
  };
  const Ran plan = with({"import", "libvirt"});
  EXPECT_EQ(plan.code, 10) << plan.err;
  EXPECT_EQ(plan.out,
            "filter clean: changed\n1 of the filters has another UUID here than in libvirt\n"
            "port none0: filter clean, guest alpha: new\n"
            "not imported: virtual network default: `nwfctl net define` takes its XML\n"
            "In the kernel\n  add 1 element to bridge ports.clean\n"
            "This is a plan: nothing is changed. `--yes` carries it out.\n");
  EXPECT_EQ(plan.err, "warning: w\n");
  ASSERT_EQ(tool.service.documents.size(), 2U);
  EXPECT_EQ(tool.service.documents[0].text.find("uuid"), std::string::npos) << "nwf's UUID stays";
  const Ran json = with({"import", "libvirt", "--json"});
  EXPECT_EQ(Json::parse(json.out).dump(),
            Json::parse(fmt::format(
                            R"({{"imported": {{"done": false, "filters": [{{"name": "clean", "file":
      "{0}/etc/libvirt/nwfilter/clean.xml", "deed": "changed", "kept": false, "note": "",
      "libvirt_uuid": "00000000-0000-4000-8000-000000000001"}}], "bindings": [{{"port": "none0", "filter": "clean",
      "guest": "alpha", "file": "{0}/run/libvirt/nwfilter-binding/none0.xml", "deed": "new", "kept": false,
      "note": ""}}], "changes": ["add 1 element to bridge ports.clean"], "remove_chains": false, "chains": [],
      "chain_rules": 0, "chains_kept": [], "not_imported": ["virtual network default: `nwfctl net define` takes its XML"],
      "warnings": ["w"]}}}})",
                            directory.string()))
                .dump());
  const Ran undo = with({"import", "--undo", "--dry-run"});
  EXPECT_EQ(undo.code, 10) << undo.err;
  EXPECT_EQ(undo.out, "filter gone was undefined since the import, and stays so\n");
  const Ran undo_json = with({"import", "--undo", "--dry-run", "--json"});
  EXPECT_EQ(Json::parse(undo_json.out).dump(),
            R"({"undone":{"done":false,"filters_removed":[],"filters_restored":[],"bindings_removed":[],)"
            R"("bindings_restored":[],"chains":[],"chain_rules":0,)"
            R"("left":["filter gone was undefined since the import, and stays so"],"warnings":[]}})");
  std::filesystem::remove_all(directory);
}

TEST_F(Print, Reconcile) {
  expect({"reconcile"}, "The kernel already holds what the state says\n", "", R"({"changes": 0})");
  tool.service.changes = 1;
  expect({"reconcile"}, "The kernel now holds what the state says: 1 change sent\n", "", R"({"changes": 1})");
  tool.service.changes = 3;
  expect({"reconcile"}, "The kernel now holds what the state says: 3 changes sent\n", "", R"({"changes": 3})");
}

TEST_F(Print, Backend) {
  expect({"backend"}, "nftables\n", "", R"({"backend": "nftables", "chosen": false})");
  expect({"backend", "iptables-legacy"}, "In force: iptables-legacy\n", "",
         R"({"backend": "iptables-legacy", "chosen": true})");
  tool.service.in_force = "nftables";
  expect({"--backend", "iptables-legacy", "backend"}, "iptables-legacy\n", "",
         R"({"backend": "iptables-legacy", "chosen": false})");
}

TEST_F(Print, Export) {
  const std::string json = R"({"ip": "*filter of vnet0, classic\n", "ip6": "", "ethernet": "*nat\n"})";
  expect({"export", "--format", "iptables", "--classic", "vnet0"},
         "# iptables-restore --noflush\n*filter of vnet0, classic\n# ebtables-restore --noflush\n*nat\n", "", json);
  expect({"export", "--format", "iptables", "--classic", "--ethernet", "vnet0"}, "*nat\n", "", json);
}

TEST_F(Print, ErrorWithFurtherMistakes) {
  tool.input = "no XML";
  const Ran text = tool({"filter", "validate", "-"});
  EXPECT_EQ(text.code, 1);
  EXPECT_EQ(text.out, "");
  EXPECT_EQ(text.err,
            "error: -:2:9: unknown action 'acept'; did you mean 'accept'?\n"
            "error: -:3:4: priority 9999 is out of range; -1000 to 1000\n");
  const Ran json = tool({"filter", "validate", "-", "--json"});
  EXPECT_EQ(json.code, 1);
  EXPECT_EQ(json.out, "");
  EXPECT_EQ(Json::parse(json.err).dump(),
            Json::parse(R"({"error": {"kind": "invalid", "message": "unknown action 'acept'",
      "file": "-", "line": 2, "column": 9, "remedy": "did you mean 'accept'?",
      "more": [{"kind": "invalid", "message": "priority 9999 is out of range", "file": "-", "line": 3, "column": 4,
                "remedy": "-1000 to 1000"}]}})")
                .dump());
}

TEST_F(Print, UsageErrorAsJson) {
  const Ran json = tool({"filter", "lsit", "--json"});
  EXPECT_EQ(json.code, 2);
  EXPECT_EQ(Json::parse(json.err).dump(),
            Json::parse(R"({"error": {"kind": "usage", "message": "there is no verb of filter 'lsit'",
      "file": "", "line": 0, "column": 0, "remedy": "did you mean 'list'?", "more": []}})")
                .dump());
}

TEST_F(Print, SeveralFilesStopAtTheFirstFailure) {
  tool.input = kFilter;
  const Ran text = tool({"filter", "define", "-", "/nonexistent.xml", "/etc/passwd"});
  EXPECT_EQ(text.code, 1);
  EXPECT_EQ(text.out, "Network filter clean defined from -\n");
  EXPECT_EQ(text.err,
            "error: cannot read /nonexistent.xml: No such file or directory; "
            "give the path of an XML file, or - for standard input\n");
  const Ran json = tool({"--json", "filter", "define", "-", "/nonexistent.xml"});
  EXPECT_EQ(Json::parse(json.out)["defined"].size(), 1u);
  EXPECT_EQ(Json::parse(json.err)["error"]["kind"], "storage");
}

TEST_F(Print, NamesThatAreNoUtf8OrMoveTheCursor) {
  tool.service.filters = {{"a\033[2J\n", kFilter}, {"b\xff", kFilter}};
  const Ran text = tool({"filter", "list"});
  EXPECT_THAT(text.out, HasSubstr("a\\x1b[2J\\x0a\n"));
  const Ran json = tool({"filter", "list", "--json"});
  EXPECT_EQ(Json::parse(json.out)["filters"][1]["name"], "b\xef\xbf\xbd");
}

TEST(PrintTable, CountsCharactersNotBytes) {
  Table table({"A", "B"});
  table.add({"ünï", "x"});
  table.add({"plain", "y"});
  EXPECT_EQ(table.text(false), " A       B\n------------\n ünï     x\n plain   y\n\n");
}

struct ColorCase {
  std::vector<std::string> words;
  bool on_terminal;
  std::string no_color;
  bool colored;
};

TEST_F(Print, ColorOnATerminalOrWhenAsked) {
  const ColorCase cases[] = {
      {{"filter", "list"}, false, "", false},
      {{"filter", "list"}, true, "", true},
      {{"filter", "list"}, true, "1", false},
      {{"filter", "list", "--color", "always"}, false, "1", true},
      {{"--color=never", "filter", "list"}, true, "", false},
      {{"filter", "list", "--json"}, true, "", false},
  };
  for (const ColorCase& c : cases) {
    tool.on_terminal = c.on_terminal;
    tool.environment = {{"NO_COLOR", c.no_color}};
    EXPECT_EQ(tool(c.words).out.find('\033') != std::string::npos, c.colored) << ::testing::PrintToString(c.words);
  }
}

TEST_F(Print, MonitorPrintsAnEventALine) {
  host::Event event{host::EventKind::Healed, 1'700'000'000'000'123, "", "", "nft (7) changed nwf's tables", {}};
  event.more = {{"pid", "7"}};
  tool.service.events = {event, event};
  const std::string line = R"({"time":"2023-11-14T22:13:20.000123Z","event":"healed","port":"","filter":"",)"
                           R"("text":"nft (7) changed nwf's tables","more":{"pid":"7"}})"
                           "\n";
  EXPECT_EQ(tool({"monitor", "--json"}).out, line + line);
  const Ran text = tool({"monitor"});
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(text.out, HasSubstr(".000123  healed         nft (7) changed nwf's tables\n"));
}

TEST_F(Print, DropsAreListedByPortAndRule) {
  tool.service.dropped = {{"vnet0", "web", Layer::Inet, Direction::In, "web rule 2 line 5", 7, 420}};
  const Ran text = tool({"drops"});
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(text.out, HasSubstr("inet"));
  EXPECT_THAT(text.out, HasSubstr("web rule 2 line 5"));
  EXPECT_EQ(Json::parse(tool({"--json", "drops", "vnet0"}).out),
            Json::parse(R"({"drops":[{"port":"vnet0","filter":"web","layer":"inet","direction":"in",)"
                        R"("rule":"web rule 2 line 5","packets":7,"bytes":420}]})"));
  EXPECT_EQ(tool({"drops", "nowhere"}).code, 3);
}

TEST_F(Print, TopShowsRatesOfWhatIsCounted) {
  tool.service.counted.tables = "owned";
  tool.service.counted.ports = {{"vnet0", "clean", "br0", true, 10, 600, 20, 1200}, {"vnet1", "used", "", false}};
  tool.service.counted.transactions.add(90);
  const Ran text = tool({"top", "--interval", "0.01"});
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(text.out, HasSubstr("tables owned\n"));
  EXPECT_THAT(text.out, HasSubstr("transactions: 1 (0.0/s), half within 100 µs"));
  EXPECT_THAT(text.out, HasSubstr("waiting"));
  EXPECT_THAT(text.out, HasSubstr("Dropped/s"));
  const Json json = Json::parse(tool({"--json", "top", "--interval", "0.01"}).out);
  EXPECT_EQ(json["transactions"]["p50_us"], 100);
  EXPECT_EQ(json["ports"][0]["bytes_in"], 1200);
  EXPECT_EQ(tool({"top", "--interval", "0"}).code, 2);
}

}  // namespace
}  // namespace nwf::tools
