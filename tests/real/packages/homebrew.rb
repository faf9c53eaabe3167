# Runs a formula of Homebrew without Homebrew: homebrew.rb FORMULA PREFIX, in the unpacked source, where cargo has already
# built the program. What the formula names must exist; what it installs is below PREFIX.
require "fileutils"
require "pathname"

PREFIX = Pathname.new(ARGV[1])

class Place < Pathname
  def install(*paths)
    paths.flatten.each do |path|
      raise "#{path} does not exist" unless File.exist?(path)
      FileUtils.mkdir_p(to_s)
      FileUtils.mv(path, to_s)
    end
  end
end

class Formula
  FIELDS = {}
  %w[desc homepage url sha256 license depends_on].each do |name|
    define_singleton_method(name) { |*values, **more| FIELDS[name] = values.first || more }
  end

  def self.service(&block) = FIELDS["service"] = block
  def self.test(&block) = FIELDS["test"] = block

  PLACES = {
    bin: "bin", man1: "share/man/man1", bash_completion: "etc/bash_completion.d", zsh_completion: "share/zsh/site-functions",
    fish_completion: "share/fish/vendor_completions.d", pkgshare: "share/awsfresh", doc: "share/doc/awsfresh", opt_bin: "bin"
  }
  PLACES.each { |name, path| define_method(name) { Place.new(PREFIX/path) } }

  def buildpath = Pathname.pwd
  def opt_prefix = PREFIX
  def version = FIELDS["url"][/awsfresh-([\d.]+)\.crate/, 1]
  def testpath = Pathname.new(Dir.mktmpdir)

  def system(*command)
    command = command.map(&:to_s)
    return if command.first == "cargo"
    Kernel.system(*command) or raise "failed: #{command}"
  end

  def shell_output(command)
    output = `HOME=#{@testpath} #{command}`
    $?.success? or raise "failed: #{command}"
    output
  end

  def assert_match(wanted, text)
    text.include?(wanted) or raise "no #{wanted} in #{text}"
  end
end

class Service < Formula
  attr_reader :run_words

  def run(words) = @run_words = words.map(&:to_s)
  def run_type(type) = type == :interval || raise("type #{type}")
  def interval(seconds) = seconds.positive? || raise("interval #{seconds}")
  def process_type(type) = %i[background standard].include?(type) || raise("type #{type}")
end

require "tmpdir"
load ARGV[0]
formula = Awsfresh.new
formula.install
service = Service.new
service.instance_exec(&Formula::FIELDS["service"])
raise "the service runs #{service.run_words}" unless File.executable?(service.run_words.first)
home = Pathname.new(Dir.mktmpdir)
formula.instance_variable_set(:@testpath, home)
formula.define_singleton_method(:testpath) { home }
Pathname.class_eval do
  def write(text, *) = (FileUtils.mkdir_p(dirname.to_s); File.write(to_s, text))
end
formula.instance_exec(&Formula::FIELDS["test"])
FileUtils.rm_rf(home.to_s)
raise "no caveats" if formula.caveats.strip.empty?
missing = %w[desc homepage url sha256 license].reject { |name| Formula::FIELDS[name] }
raise "missing: #{missing}" unless missing.empty?
puts Formula::FIELDS.slice("url", "sha256").values
